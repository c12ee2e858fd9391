import { figureMarkup } from '../figure-markup.ts';
import type { PageSection } from './section.ts';

export const paretoSection: PageSection = {
  id: 'pareto',
  title: 'Trade-off',
  body: ({ figures: [figure], prefix }) => figure && figureMarkup(figure, { prefix, width: 980, frame: 0 }),
};
