/** Figures as SVG, without a browser. */
import { chartSvg } from '../svg.ts';
import { ASSUMED } from './figures/cost-weights.ts';
import type { Figure, View } from './figures/figure.ts';

/** px for the title of a picture that is a file of its own. */
const TITLE = 30;

export const stillView = (width: number, frame: number, isAlone: boolean): View => ({
  scheme: 'light',
  width,
  frame,
  weights: ASSUMED,
  isAlone,
});

export function svgOf(figure: Figure, view: View): string {
  const height = figure.heightAt(view.width) + (view.isAlone ? TITLE : 0);
  const { tooltip: _, ...option } = figure.option(view);
  return chartSvg(option, { width: view.width, height });
}
