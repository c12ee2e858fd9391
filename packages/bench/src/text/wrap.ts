import wrapAnsi from 'wrap-ansi';

/** Lines of at most so many columns. A word that is longer is broken. */
export const wrap = (text: string, columns: number): string[] =>
  wrapAnsi(text, columns, { hard: true }).split('\n');
