/** Figures as SVG, without a browser. */
import { chartSvg } from '../svg.ts';
import { TITLE_HEIGHT } from './figures/axes.ts';
import { ASSUMED } from './figures/cost-weights.ts';
import type { Figure, View } from './figures/figure.ts';

export const stillView = (width: number, frame: number, isAlone: boolean): View => ({
  scheme: 'light',
  width,
  frame,
  weights: ASSUMED,
  isAlone,
});

export function svgOf(figure: Figure, view: View): string {
  const height = figure.heightAt(view.width) + (view.isAlone ? TITLE_HEIGHT : 0);
  const { tooltip: _, ...option } = figure.option(view);
  return chartSvg(option, { width: view.width, height });
}
