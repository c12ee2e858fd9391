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

type Found = readonly (Figure | undefined)[];

/** Of the results alone, or of the event logs, if there are any. */
type Figures =
  | { readonly ofResults: (input: PageInput) => Found }
  | { readonly ofLogs: (logged: LoggedInput) => Found };

/** In the order of the files beside a page. */
const FIGURES: readonly ({ readonly section: string } & Figures)[] = [
  { section: 'summary', ofResults: ({ results }) => [glanceFigure(results)] },
  { section: 'time', ofLogs: (logged) => timeFigures(logged).drawn },
  { section: 'distributions', ofLogs: (logged) => [...histograms(logged), lifetimeFigure(logged)] },
  { section: 'pareto', ofResults: ({ results }) => [paretoFigure(results)] },
  { section: 'cost', ofResults: ({ results }) => [costFigure(results)] },
  { section: 'indices', ofLogs: indexFigures },
];

/** Missing if there is no event log. */
export const loggedInput = ({ results, history, folder }: PageInput): LoggedInput | undefined =>
  history === undefined || history.runs.length === 0 ? undefined : { results, history, folder };

/** The figures of one section, or of all. */
export function figuresOf(input: PageInput, section?: string): Figure[] {
  const logged = loggedInput(input);
  return FIGURES.filter((each) => section === undefined || each.section === section)
    .flatMap((each) => {
      if ('ofResults' in each) return each.ofResults(input);
      return logged === undefined ? [] : each.ofLogs(logged);
    })
    .filter((figure) => figure !== undefined);
}
