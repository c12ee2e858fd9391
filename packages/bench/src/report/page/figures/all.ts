/** The figures of an input, by section. */
import type { PageInput } from '../page-data.ts';
import type { Figure } from './figure.ts';
import { glanceFigure } from './glance.ts';

export interface Figures {
  readonly summary: readonly Figure[];
}

export const figuresBySection = ({ results }: PageInput): Figures => ({
  summary: [glanceFigure(results)],
});

export const figuresOf = (input: PageInput): Figure[] => Object.values(figuresBySection(input)).flat();
