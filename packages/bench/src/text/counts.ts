import { formatValue } from './units.ts';

/** A count with its noun: `1 event`, `1,200 events`. */
export const countText = (count: number, noun: string, plural = `${noun}s`): string =>
  `${formatValue(count, 'count')} ${count === 1 ? noun : plural}`;

export const pagesText = (pages: number): string => countText(pages, 'page');
