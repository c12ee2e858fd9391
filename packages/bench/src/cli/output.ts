/** Where a command writes. */
export interface Output {
  /** Results, to standard output. */
  write(text: string): void;
  /** What is for people, to standard error: standard output may be for a program. */
  tell(text: string): void;
  readonly isColoured: boolean;
  /** Characters that a line of results has room for. */
  readonly columns: number;
  /** Whether somebody watches: a progress bar is drawn on standard error. */
  readonly isWatched: boolean;
}
