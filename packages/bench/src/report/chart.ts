import { BarChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Comparison } from '../compare/compare.ts';
import { hasRefused } from './rows.ts';
import { formatValue } from './units.ts';

echarts.use([BarChart, GridComponent, TitleComponent, SVGRenderer]);

/** The figures of the picture: what grouping saves, and what it costs. */
const PANELS = ['splits-2m', 'mixed-peak', 'host-calls', 'shared-idle-peak'];

const PANEL = 185;
/** What a panel keeps free beside its longest bar for the value. */
const VALUE = 85;
const BAR = 26;
const TITLES = 58;
/** Width of a character of the labels, in the widest of the fonts that a viewer may take. */
const CHARACTER = 7.2;
const TEXT = '#1f2328';

/** What stands behind the name of a policy that had less to do, and below the chart. */
const REFUSED = ' *';
const REFUSED_TEXT = '* refused requests: its bars are of less work, and not to be compared with the others';
const FOOTNOTE = 18;

/** A small bar chart a metric, policies as rows, as one SVG. */
export function comparisonSvg(comparison: Comparison): string {
  const { input, policies } = comparison;
  const [baseline] = policies;
  const panels = PANELS.map((id) => baseline.metrics.findIndex(({ metric }) => metric.id === id)).filter(
    (index) => index >= 0,
  );
  const names = policies.map((policy) => policy.policy + (hasRefused(policy) ? REFUSED : ''));
  const isIncomplete = policies.some(hasRefused);
  const labels = 20 + CHARACTER * Math.max(...names.map((name) => name.length));
  const left = (panel: number) => labels + panel * PANEL;
  const width = left(panels.length);
  const rows = TITLES + names.length * BAR;
  const height = rows + 12 + (isIncomplete ? FOOTNOTE : 0);
  const seeds = input.seeds.length === 1 ? 'one seed' : `median of ${input.seeds.length} seeds`;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  const title = (text: string, x: number, y: number, fontWeight: 'bold' | 'normal') => ({
    text,
    left: x,
    top: y,
    padding: 0,
    textStyle: { fontSize: 12, fontWeight, color: TEXT },
  });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      title(
        `${input.name} on ${input.platform.name}, memory ${input.memory.name}; ${seeds}; grey: the baseline`,
        10,
        10,
        'normal',
      ),
      ...(isIncomplete ? [title(REFUSED_TEXT, 10, rows + 8, 'normal')] : []),
      ...panels.map((index, panel) =>
        title(baseline.metrics[index].metric.label, left(panel), TITLES - 20, 'bold'),
      ),
    ],
    grid: panels.map((_, panel) => ({
      left: left(panel),
      width: PANEL - VALUE,
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
      axisLabel: { show: panel === 0, color: TEXT, fontSize: 12, margin: 10 },
    })),
    series: panels.map((index, panel) => ({
      type: 'bar',
      xAxisIndex: panel,
      yAxisIndex: panel,
      barWidth: 14,
      data: policies.map(({ policy, metrics }) => ({
        value: metrics[index].spread.median,
        itemStyle: { color: policy === baseline.policy ? '#8c959f' : '#0969da' },
        label: {
          show: true,
          position: 'right',
          color: TEXT,
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
