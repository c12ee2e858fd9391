/** The figures of an input, by section. */
import type { PageInput } from '../page-data.ts';
import { histograms } from './block-histogram.ts';
import { costFigure } from './cost.ts';
import type { Figure, Told } from './figure.ts';
import { glanceFigure } from './glance.ts';
import { indexFigures } from './indices.ts';
import { lifetimeFigure } from './lifetimes.ts';
import { paretoFigure } from './pareto.ts';
import { timeFigures } from './time-figures.ts';

export interface Figures {
  readonly glance: Figure | undefined;
  readonly time: readonly Figure[];
  readonly distributions: readonly Figure[];
  readonly pareto: Figure | undefined;
  readonly cost: Figure | undefined;
  readonly indices: readonly Figure[];
}

export function figuresBySection(input: PageInput): Figures {
  const told = toldOf(input);
  return {
    glance: glanceFigure(input.results),
    time: told === undefined ? [] : timeFigures(told).drawn,
    distributions: told === undefined ? [] : [...histograms(told), lifetimeFigure(told)].filter(isThere),
    pareto: paretoFigure(input.results),
    cost: costFigure(input.results),
    indices: told === undefined ? [] : indexFigures(told),
  };
}

/** The source of figures over time; undefined without a log. */
export const toldOf = ({ results, history, folder }: PageInput): Told | undefined =>
  history === undefined || history.runs.length === 0 ? undefined : { results, history, folder };

const isThere = <T>(value: T | undefined): value is T => value !== undefined;

export const figuresOf = (input: PageInput): Figure[] =>
  Object.values(figuresBySection(input)).flat().filter(isThere);
