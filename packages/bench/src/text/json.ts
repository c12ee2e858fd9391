import { printableLines } from './printable.ts';

/**
 * A report as one JSON document. Characters that would act on a terminal are written as JSON escapes: names may come from a
 * hostile log.
 */
export const jsonText = (report: object): string => `${printableLines(JSON.stringify(report, null, 2))}\n`;
