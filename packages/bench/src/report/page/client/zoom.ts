/** The part of the time that all charts over time show: set by sliders, by a chart, or reset to all of it. */
import { timeText } from '../figures/axes.ts';
import type { Mounted } from './charts.ts';

interface Zoom {
  /** The part that is shown, in percent of all the time. */
  readonly start: number;
  readonly end: number;
  attach(mounted: Mounted): void;
  onChange(listener: () => void): void;
}

const LEAST = 0.5;

/** In percent of `total` ns. */
export function createZoom(article: HTMLElement, total: number): Zoom {
  const from = article.querySelector<HTMLInputElement>('[data-zoom="from"]');
  const to = article.querySelector<HTMLInputElement>('[data-zoom="to"]');
  const text = article.querySelector<HTMLOutputElement>('.zoom-text');
  const reset = article.querySelector<HTMLButtonElement>('[data-zoom="reset"]');
  const attached: Mounted[] = [];
  const listeners: (() => void)[] = [];
  let start = 0;
  let end = 100;

  const showSliders = () => {
    if (from !== null) from.value = String(start * 10);
    if (to !== null) to.value = String(end * 10);
  };

  const show = () => {
    showSliders();
    const at = (percent: number) => timeText(Math.round((percent / 100) * total));
    from?.setAttribute('aria-valuetext', at(start));
    to?.setAttribute('aria-valuetext', at(end));
    if (text !== null) text.textContent = `${at(start)} to ${at(end)}`;
    for (const listener of listeners) listener();
  };

  const set = (newStart: number, newEnd: number, source?: Mounted) => {
    // A thumb dragged past the other has to go back, even if nothing else changes.
    if (newStart === start && newEnd === end) {
      showSliders();
      return;
    }
    start = newStart;
    end = newEnd;
    for (const each of attached) {
      if (each !== source)
        each.chart.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, start, end }, { silent: true });
    }
    show();
  };

  from?.addEventListener('input', () => set(Math.min(from.valueAsNumber / 10, end - LEAST), end));
  to?.addEventListener('input', () => set(start, Math.max(to.valueAsNumber / 10, start + LEAST)));
  reset?.addEventListener('click', () => set(0, 100));
  show();

  return {
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    attach(mounted) {
      attached.push(mounted);
      mounted.chart.on('datazoom', () => {
        const option = mounted.chart.getOption() as {
          readonly dataZoom?: readonly { readonly start: number; readonly end: number }[];
        };
        const [zoom] = option.dataZoom ?? [];
        if (zoom !== undefined) set(zoom.start, zoom.end, mounted);
      });
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
