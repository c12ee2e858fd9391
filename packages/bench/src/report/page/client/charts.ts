/** The charts of an input. Each is made when it comes into view. Its sentence and its table follow the frame and the weights. */
import type { Weights } from '../figures/cost-weights.ts';
import type { Figure, View } from '../figures/figure.ts';
import { type Chart, initChart } from './echarts.ts';
import { fillTable } from './table-dom.ts';
import type { Theme } from './theme.ts';

export interface Mounted {
  readonly figure: Figure;
  readonly element: HTMLElement;
  readonly chart: Chart;
}

interface ChartsInput {
  readonly article: HTMLElement;
  readonly figures: readonly Figure[];
  readonly theme: Theme;
  frame(): number;
  weights(): Weights;
  /** In percent of all the time. */
  zoom(): { readonly start: number; readonly end: number };
  /** Called once for each chart, after it was made. */
  onMount(mounted: Mounted): void;
  /** Called after each painting: elements over a chart have to follow its axes. */
  onPaint(mounted: Mounted): void;
}

export function createCharts(input: ChartsInput) {
  const byId = new Map(input.figures.map((figure) => [figure.id, figure]));
  const mounted: Mounted[] = [];
  const elements = new Map<Figure, HTMLElement>();

  const viewOf = (element: HTMLElement): View => ({
    scheme: input.theme.scheme,
    width: element.clientWidth,
    frame: input.frame(),
    weights: input.weights(),
    isAlone: false,
  });

  const paint = (entry: Mounted) => {
    const { figure, element, chart } = entry;
    if (element.clientWidth === 0) return;
    element.style.height = `${figure.heightAt(element.clientWidth)}px`;
    chart.resize();
    chart.setOption(figure.option(viewOf(element)), { notMerge: true });
    if (figure.kind === 'time') {
      const { start, end } = input.zoom();
      chart.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, start, end }, { silent: true });
    }
    input.onPaint(entry);
  };

  const mount = (element: HTMLElement, figure: Figure) => {
    const entry = { figure, element, chart: initChart(element) };
    mounted.push(entry);
    input.onMount(entry);
    paint(entry);
    let width = element.clientWidth;
    new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      paint(entry);
    }).observe(element);
  };

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || !(target instanceof HTMLElement)) continue;
        const figure = byId.get(target.dataset['figure'] ?? '');
        seen.unobserve(target);
        if (figure !== undefined) mount(target, figure);
      }
    },
    { rootMargin: '300px' },
  );
  for (const element of input.article.querySelectorAll<HTMLElement>('.chart')) {
    const figure = byId.get(element.dataset['figure'] ?? '');
    if (figure === undefined) continue;
    elements.set(figure, element);
    element.style.height = `${figure.heightAt(element.clientWidth)}px`;
    element.setAttribute('role', 'img');
    element.setAttribute('aria-label', `${figure.title}. ${figure.reading(viewOf(element))}`);
    seen.observe(element);
  }

  const retell = (kind?: Figure['kind']) => {
    for (const [figure, element] of elements) {
      const isChangeable = figure.kind === 'frame' || figure.kind === 'weights';
      if (!isChangeable || (kind !== undefined && figure.kind !== kind)) continue;
      const view = viewOf(element);
      const around = element.closest('figure');
      const sentence = around?.querySelector('.reading');
      if (sentence != null) sentence.textContent = figure.reading(view);
      element.setAttribute('aria-label', `${figure.title}. ${figure.reading(view)}`);
      const table = around?.querySelector<HTMLTableElement>('table.figures');
      if (table != null) fillTable(table, figure.table(view));
    }
  };

  return {
    /** Paints the charts of one kind, or all, again. */
    repaint(kind?: Figure['kind']) {
      for (const entry of mounted) if (kind === undefined || entry.figure.kind === kind) paint(entry);
      if (kind !== undefined) retell(kind);
    },
    /** Updates the sentences and tables that depend on the frame or on weights. */
    retell: () => retell(),
  };
}
