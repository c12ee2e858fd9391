import { printableLines } from './printable.ts';

/**
 * A report as one JSON document. Names in it may come from a hostile log: what would act on a terminal is written as an escape,
 * which in JSON stands for the same character.
 */
export const jsonText = (report: object): string => `${printableLines(JSON.stringify(report, null, 2))}\n`;
