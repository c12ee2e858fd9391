/** Whether a policy does what any policy must: tried with random histories, each failure cut down to what matters. */
import { setImmediate } from 'node:timers/promises';
import type { PolicyFactory } from '@decpool/pool';
import { type History, randomHistory, type Setting } from './histories.ts';
import { play } from './play.ts';
import { RULES, type Rule } from './rules.ts';
import { shrink } from './shrink.ts';

/** How long, and from which seed, a policy is tried. */
export interface ConformanceOptions {
  /** Histories to play. */
  readonly runs: number;
  readonly seed: number;
  /** Histories to play at the most to make one that fails simpler; default: 600. */
  readonly mostTries?: number;
  /** Called after each history with how many are done. */
  readonly onProgress?: (done: number) => void;
}

/** How a rule is broken, as simply as it could be shown. */
export interface Failure {
  readonly message: string;
  readonly setting: Setting;
  readonly rounds: number;
  /** The requests, a line each; the last shows the failure. */
  readonly requests: readonly string[];
}

/** For each rule whether a policy keeps it, and the simplest history found that breaks it. */
export interface Conformance {
  readonly rules: readonly { readonly rule: Rule; readonly failure: Failure | undefined }[];
  /** The most that was left when everything was freed and no conversion had failed, in pages: held, and shared of that. */
  readonly mostClaimedPages: number;
  readonly mostSharedPages: number;
}

/** Tries a policy with random histories of requests. The same seed gives the same histories. */
export async function checkConformance(
  factory: PolicyFactory,
  { runs, seed, mostTries = 600, onProgress }: ConformanceOptions,
): Promise<Conformance> {
  const failing = new Map<Rule, History>();
  let mostClaimedPages = 0;
  let mostSharedPages = 0;
  for (let run = 0; run < runs; run++) {
    const history = randomHistory(seed, run);
    const { violation, claimedPages, sharedPages } = play(factory, history);
    if (history.setting.faults === undefined) {
      mostClaimedPages = Math.max(mostClaimedPages, claimedPages);
      mostSharedPages = Math.max(mostSharedPages, sharedPages);
    }
    if (violation !== undefined && !failing.has(violation.rule)) failing.set(violation.rule, history);
    onProgress?.(run + 1);
    // A signal is heard here.
    await setImmediate();
  }
  const failures = new Map(
    [...failing].map(([rule, history]) => [rule, smallest(factory, rule, history, mostTries)]),
  );
  return {
    rules: (Object.keys(RULES) as Rule[]).map((rule) => ({ rule, failure: failures.get(rule) })),
    mostClaimedPages,
    mostSharedPages,
  };
}

function smallest(factory: PolicyFactory, rule: Rule, history: History, mostTries: number): Failure {
  const small = shrink(history, mostTries, (candidate) => play(factory, candidate).violation?.rule === rule);
  const { violation, requests } = play(factory, small);
  // A policy that is not deterministic may not show it a second time.
  const message = violation?.message ?? 'it showed once, and not again';
  return { message, setting: small.setting, rounds: small.rounds, requests };
}
