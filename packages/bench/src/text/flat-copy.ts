/**
 * A text that keeps nothing else alive. V8 stores a part of a string as a reference to the whole, so what is taken from a line
 * would keep the line, and all that was read with it.
 */
export const flatCopy = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');
