/** The page comes alive: inputs one at a time, charts to look into, a clock that maps and charts share. */
import { figuresOf } from '../figures/all.ts';
import { createCharts } from './charts.ts';
import { inputData } from './data.ts';
import { showInputs } from './inputs.ts';
import { toggleRows } from './rows-toggle.ts';
import { createTheme } from './theme.ts';

const repaints: (() => void)[] = [];
const begun = new Set<HTMLElement>();

document.documentElement.classList.add('script');
const theme = createTheme(() => {
  for (const repaint of repaints) repaint();
});

async function begin(article: HTMLElement): Promise<void> {
  if (begun.has(article)) return;
  begun.add(article);
  toggleRows(article);
  const input = await inputData(article.id);
  const charts = createCharts({
    article,
    figures: figuresOf(input),
    theme,
    frame: () => input.history?.peakFrame ?? 0,
  });
  repaints.push(() => charts.repaint());
}

showInputs((article) => void begin(article));
