/** Charts as SVG, without a browser. */
import { TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { printableLines } from '../text/printable.ts';
import { CHART_PARTS } from './chart-parts.ts';

echarts.use([...CHART_PARTS, TitleComponent, SVGRenderer]);

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
