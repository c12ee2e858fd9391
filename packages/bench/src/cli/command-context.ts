/** Where a command writes: results to `write`, progress to a terminal only. */
export interface Output {
  write(text: string): void;
  /** What is for people where `write` is for a program: standard error. */
  tell(text: string): void;
  readonly isColoured: boolean;
  /** Characters that a line of results has room for. */
  readonly columns: number;
  /** Whether somebody watches: a progress bar is drawn on standard error. */
  readonly isWatched: boolean;
}

/** What a command needs of the program around it. */
export interface CommandContext {
  /** Sets the exit code. */
  exit(code: number): void;
  readonly output: Output;
  /** The command as typed, for reports: it reproduces them. */
  commandLine(): string;
}
