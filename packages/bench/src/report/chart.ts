import { BarChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Comparison } from '../compare/compare.ts';
import { formatValue } from './units.ts';

echarts.use([BarChart, GridComponent, TitleComponent, SVGRenderer]);

/** The figures of the picture: what grouping saves, and what it costs. */
const PANELS = ['splits-2m', 'mixed-peak', 'host-calls', 'shared-idle-peak'];

const WIDTH = 960;
const LABELS = 270;
const BAR = 26;
const TITLES = 34;

/** A small bar chart a metric, policies as rows, as one SVG. */
export function comparisonSvg(comparison: Comparison): string {
  const [baseline] = comparison.policies;
  const panels = PANELS.map((id) => baseline.metrics.findIndex(({ metric }) => metric.id === id)).filter(
    (index) => index >= 0,
  );
  const names = comparison.policies.map(({ policy }) => policy);
  const height = TITLES + names.length * BAR + 12;
  const panelWidth = (WIDTH - LABELS) / panels.length;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const left = (panel: number) => LABELS + panel * panelWidth;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: panels.map((index, panel) => ({
      text: baseline.metrics[index].metric.label,
      left: left(panel),
      top: 6,
      textStyle: { fontSize: 12, fontWeight: 'bold', color: '#1f2328' },
    })),
    grid: panels.map((_, panel) => ({
      left: left(panel),
      width: panelWidth - 78,
      top: TITLES,
      height: names.length * BAR,
    })),
    xAxis: panels.map((_, panel) => ({ type: 'value', gridIndex: panel, show: false, min: 0 })),
    yAxis: panels.map((_, panel) => ({
      type: 'category',
      gridIndex: panel,
      inverse: true,
      data: names,
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { show: panel === 0, color: '#1f2328', fontSize: 12, margin: 10 },
    })),
    series: panels.map((index, panel) => ({
      type: 'bar',
      xAxisIndex: panel,
      yAxisIndex: panel,
      barWidth: 14,
      data: comparison.policies.map(({ policy, metrics }) => ({
        value: metrics[index].spread.median,
        itemStyle: { color: policy === baseline.policy ? '#8c959f' : '#0969da' },
        label: {
          show: true,
          position: 'right',
          color: '#1f2328',
          fontSize: 11,
          formatter: formatValue(metrics[index].spread.median, metrics[index].metric.unit),
        },
      })),
    })),
  });
  const svg = chart.renderToSVGString();
  // Without this its animation timer keeps the process alive.
  chart.dispose();
  return svg;
}
