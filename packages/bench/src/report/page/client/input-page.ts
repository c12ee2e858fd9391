/** The interactive part of an input. */
import { figuresOf, loggedInput } from '../figures/all.ts';
import { mountBlockMap } from './block-map.ts';
import { createCharts, type Mounted } from './charts.ts';
import { createClock } from './clock.ts';
import { inputData } from './data.ts';
import { createMarkers } from './moment-marker.ts';
import { chooseOwners } from './owner-choice.ts';
import { whilePrinted } from './printing.ts';
import type { Theme } from './theme.ts';
import { weightsForm } from './weights.ts';
import { createZoom } from './zoom.ts';

export async function createInputPage(article: HTMLElement, theme: Theme) {
  const input = await inputData(article.id);
  const logged = loggedInput(input);
  const times = logged?.history.frames.times ?? [0];
  const peak = logged?.history.peakFrame ?? 0;
  const clock = createClock(times.length, peak);
  const zoom = createZoom(article, times[times.length - 1]);
  const markers = createMarkers(times, clock);
  chooseOwners(article);

  let isPrinted = false;
  const weights = weightsForm(article, () => charts.repaint('weights'));
  const charts = createCharts({
    article,
    figures: figuresOf(input),
    theme,
    frame: () => (isPrinted ? peak : clock.frame),
    weights: weights.values,
    zoom: zoom.shown,
    onMount(mounted: Mounted) {
      if (mounted.figure.kind !== 'time') return;
      zoom.attach(mounted);
      markers.attach(mounted);
    },
    onPaint: markers.place,
  });
  // The markup has the default weights, and the form may have others.
  charts.repaint('weights');
  zoom.onChange(() => markers.place());
  clock.subscribe(() => charts.repaint('frame'));
  whilePrinted((next) => {
    isPrinted = next;
    weights.showAssumed(next);
    charts.retell();
  });

  const root = article.querySelector<HTMLElement>('.map');
  const map = logged && root !== null ? mountBlockMap(root, logged, clock) : undefined;
  return {
    repaint() {
      charts.repaint();
      map?.repaint();
    },
  };
}
