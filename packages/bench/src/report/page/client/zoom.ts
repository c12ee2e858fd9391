/** The part of the time that all charts over time show: set by sliders, by a chart, or reset to all of it. */
import { timeText } from '../figures/axes.ts';
import type { Mounted } from './charts.ts';

/** Percent. */
const SHORTEST = 0.5;

/** `total`: all the time, in ns. */
export function createZoom(article: HTMLElement, total: number) {
  const from = article.querySelector<HTMLInputElement>('[data-zoom="from"]');
  const to = article.querySelector<HTMLInputElement>('[data-zoom="to"]');
  const text = article.querySelector<HTMLOutputElement>('.zoom-text');
  const reset = article.querySelector<HTMLButtonElement>('[data-zoom="reset"]');
  const attached: Mounted[] = [];
  const listeners: (() => void)[] = [];
  /** The part that is shown, in percent of all the time. */
  let [start, end] = [0, 100];

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
    [start, end] = [newStart, newEnd];
    for (const each of attached) {
      if (each !== source)
        each.chart.dispatchAction({ type: 'dataZoom', dataZoomIndex: 0, start, end }, { silent: true });
    }
    show();
  };

  from?.addEventListener('input', () => set(Math.min(from.valueAsNumber / 10, end - SHORTEST), end));
  to?.addEventListener('input', () => set(start, Math.max(to.valueAsNumber / 10, start + SHORTEST)));
  reset?.addEventListener('click', () => set(0, 100));
  show();

  return {
    shown: () => ({ start, end }),
    attach(mounted: Mounted) {
      attached.push(mounted);
      mounted.chart.on('datazoom', () => {
        const option = mounted.chart.getOption() as {
          readonly dataZoom?: readonly { readonly start: number; readonly end: number }[];
        };
        const [zoom] = option.dataZoom ?? [];
        if (zoom !== undefined) set(zoom.start, zoom.end, mounted);
      });
    },
    onChange: (listener: () => void) => void listeners.push(listener),
  };
}
