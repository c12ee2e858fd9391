/** Starts the page: one input at a time, charts, and a clock that maps and charts share. */
import { createInputPage } from './input-page.ts';
import { showInputs } from './inputs.ts';
import { toggleRows } from './rows-toggle.ts';
import { createTheme } from './theme.ts';

const pages: Awaited<ReturnType<typeof createInputPage>>[] = [];
const begun = new Set<HTMLElement>();

document.documentElement.classList.add('script');
const theme = createTheme(() => {
  for (const page of pages) page.repaint();
});

async function begin(article: HTMLElement): Promise<void> {
  if (begun.has(article)) return;
  begun.add(article);
  toggleRows(article);
  pages.push(await createInputPage(article, theme));
}

showInputs((article) => void begin(article));
