/** `a`, `a and b`, `a, b and c`. */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;

/** The first of many, and how many more there are: `a, b and 4 more`. */
export const fewOf = (words: readonly string[], most: number): string =>
  words.length <= most ? listed(words) : listed([...words.slice(0, most), `${words.length - most} more`]);

/** The parts of a text whose condition holds. */
export const present = (parts: readonly (string | false | undefined)[]): string[] =>
  parts.filter((part) => typeof part === 'string');
