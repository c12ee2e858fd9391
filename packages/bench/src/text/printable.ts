/** Text from a log or a trace, for a terminal: what would move its cursor, change its colours or turn its lines around is shown as an escape. */

/** Control characters (C0, DEL, C1), and the marks that change the direction of writing or hide in a line. */
const UNPRINTABLE = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** As in JSON: `\u001b` for the escape character. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** As printable(), and of a message its lines stay lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');
