/** What a text is laid out for. */
export interface Screen {
  /** Characters that a line has room for. */
  readonly columns: number;
  readonly isColoured: boolean;
}

/** Where nobody says how wide a line may be, as in a pipe or a mail. */
export const USUAL_COLUMNS = 100;
/** Where a line has room for less, it is laid out for so many. */
export const LEAST_COLUMNS = 60;
