/** Figures as SVG, without a browser. */

import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { DataZoomInsideComponent, GraphicComponent, GridComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import { printableLines } from '../../cli/printable.ts';
import { ASSUMED } from './figures/cost-weights.ts';
import type { Figure, View } from './figures/figure.ts';

echarts.use([
  BarChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  TitleComponent,
  GraphicComponent,
  DataZoomInsideComponent,
  LabelLayout,
  SVGRenderer,
]);

/** Room for the title of a picture that stands alone. */
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
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: view.width, height });
  const { tooltip: _, ...option } = figure.option(view);
  chart.setOption(option);
  // Names from results are in it, and XML knows no control characters.
  const svg = printableLines(chart.renderToSVGString());
  // Without this its animation timer keeps the process alive.
  chart.dispose();
  return svg;
}
