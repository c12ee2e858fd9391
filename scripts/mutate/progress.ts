/** What the runner of mutants is told, and what it writes to a file while it runs: one JSON object a line. */

export interface Task {
  /** Files that are mutated, from the top folder, with the id of the first mutant of each. */
  readonly files: readonly { readonly file: string; readonly firstId: number }[];
  /** Path of the file to write to. */
  readonly progress: string;
  /** Ids of mutants that were found. */
  readonly found: readonly number[];
  /** Ids of mutants that are not tried. */
  readonly leftOut: readonly number[];
  /** Names of tests that were run with every mutant they reach. */
  readonly done: readonly string[];
  /** ms of tests, without a mutant, that are run for one that none has found. */
  readonly mostMs: number;
  /** Steps after which a mutant that is on from the start counts as endless. */
  readonly most: number;
  /** Slow tests are run, too. */
  readonly withSlow: boolean;
}

export type Line =
  | { readonly kind: 'begin'; readonly pid: number }
  /** A test without a mutant. */
  | (Ran & { readonly kind: 'test' })
  /** Reached outside tests: when modules were loaded, and in hooks. */
  | { readonly kind: 'outside'; readonly spec: string; readonly reached: readonly number[] }
  /** The test fails when it runs a second time. */
  | { readonly kind: 'once'; readonly spec: string; readonly name: string }
  | { readonly kind: 'try'; readonly id: number; readonly name: string; readonly ms: number }
  | { readonly kind: 'found'; readonly id: number; readonly name: string; readonly why: string }
  /** A test was not run with a mutant: others have taken too long already. */
  | { readonly kind: 'left'; readonly id: number }
  /** After a mutant the test fails without one. */
  | { readonly kind: 'spoilt'; readonly spec: string; readonly name: string }
  /** The test is slow: it is run with mutants when all others were. */
  | { readonly kind: 'slow'; readonly name: string }
  /** The test was run with every mutant. */
  | { readonly kind: 'done'; readonly name: string };

export interface Ran {
  readonly spec: string;
  readonly name: string;
  readonly ms: number;
  /** How often it came by a switch. */
  readonly calls: number;
  /** Ids of the mutants that it came by. */
  readonly reached: readonly number[];
}
