/** Charts as SVG, without a browser. */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { DataZoomInsideComponent, GraphicComponent, GridComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import { printableLines } from '../cli/printable.ts';

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

/** `size`: px. */
export function chartSvg(
  option: echarts.EChartsCoreOption,
  size: { readonly width: number; readonly height: number },
): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption(option);
  // Names from inputs are in it, and XML knows no control characters.
  const svg = printableLines(chart.renderToSVGString());
  // Without this its animation timer keeps the process alive.
  chart.dispose();
  return svg;
}
