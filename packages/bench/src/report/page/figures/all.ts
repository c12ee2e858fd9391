/** The figures of a page, by the section that shows them. A new figure is its file and one line here. */
import type { PageInput } from '../page-data.ts';
import { histograms } from './block-histogram.ts';
import { costFigure } from './cost.ts';
import type { Figure, LoggedInput } from './figure.ts';
import { glanceFigure } from './glance.ts';
import { indexFigures } from './indices.ts';
import { lifetimeFigure } from './lifetimes.ts';
import { paretoFigure } from './pareto.ts';
import { timeFigures } from './time-figures.ts';

type Figures = readonly (Figure | undefined)[] | undefined;

interface SectionFigures {
  readonly section: string;
  figures(input: PageInput, logged: LoggedInput | undefined): Figures;
}

/** In the order of the files beside a page. */
const FIGURES: readonly SectionFigures[] = [
  { section: 'summary', figures: ({ results }) => [glanceFigure(results)] },
  { section: 'time', figures: (_, logged) => logged && timeFigures(logged).drawn },
  {
    section: 'distributions',
    figures: (_, logged) => logged && [...histograms(logged), lifetimeFigure(logged)],
  },
  { section: 'pareto', figures: ({ results }) => [paretoFigure(results)] },
  { section: 'cost', figures: ({ results }) => [costFigure(results)] },
  { section: 'indices', figures: (_, logged) => logged && indexFigures(logged) },
];

/** Missing if there is no event log. */
export const loggedInput = ({ results, history, folder }: PageInput): LoggedInput | undefined =>
  history === undefined || history.runs.length === 0 ? undefined : { results, history, folder };

/** The figures of one section, or of all. */
export function figuresOf(input: PageInput, section?: string): Figure[] {
  const logged = loggedInput(input);
  return FIGURES.filter((each) => section === undefined || each.section === section)
    .flatMap((each) => each.figures(input, logged) ?? [])
    .filter((figure) => figure !== undefined);
}
