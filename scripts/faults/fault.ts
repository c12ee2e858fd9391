/** A fault, and the commands that it is tried with. */
export interface Try {
  readonly command: string;
  /** Which of several, for the message if it is lost. */
  readonly what?: string;
  /** Why the command did not survive, or undefined. */
  run(): Promise<string | undefined>;
}

export interface Fault {
  readonly name: string;
  readonly tries: readonly Try[];
  /** Why it cannot be tried here. */
  readonly skipped?: string;
}
