import { shortPolicyName } from '@decpool/pool/policy-names';
import type { MetricId } from '../metrics/metric.ts';
import { formatValue } from '../text/units.ts';
import type { PolicyResults, Results } from './results.ts';
import { chartSvg } from './svg.ts';

/** The figures of the picture: what grouping saves, and what it costs. */
const PANELS: readonly MetricId[] = ['splits-2m', 'mixed-peak', 'host-calls', 'shared-idle-peak'];

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
const REFUSED_TEXT = '* refused requests: its bars are of less work';
const FOOTNOTE = 18;

/** A small bar chart a metric, policies as rows, as one SVG. */
export function comparisonSvg({ input, platform, memory, seeds: run, metrics, policies }: Results): string {
  const panels = PANELS.flatMap((wanted) => metrics.filter(({ id }) => id === wanted));
  const names = policies.map(
    (policy) => shortPolicyName(policy.policy) + (hasRefused(policy) ? REFUSED : ''),
  );
  const isIncomplete = policies.some(hasRefused);
  const labels = 20 + CHARACTER * Math.max(...names.map((name) => name.length));
  const left = (panel: number) => labels + panel * PANEL;
  const width = left(panels.length);
  const rows = TITLES + names.length * BAR;
  const height = rows + 12 + (isIncomplete ? FOOTNOTE : 0);
  const seeds = run.length === 1 ? 'one seed' : `median of ${run.length} seeds`;
  const title = (text: string, x: number, y: number, fontWeight: 'bold' | 'normal') => ({
    text,
    left: x,
    top: y,
    padding: 0,
    textStyle: { fontSize: 12, fontWeight, color: TEXT },
  });
  const option = {
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      title(
        `${input.name} on ${platform.name}, memory ${memory}; ${seeds}; grey: the baseline`,
        10,
        10,
        'normal',
      ),
      ...(isIncomplete ? [title(REFUSED_TEXT, 10, rows + 8, 'normal')] : []),
      ...panels.map(({ label }, panel) => title(label, left(panel), TITLES - 20, 'bold')),
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
    series: panels.map(({ id, unit }, panel) => ({
      type: 'bar',
      xAxisIndex: panel,
      yAxisIndex: panel,
      barWidth: 14,
      data: policies.map(({ isBaseline, metrics }) => ({
        value: metrics[id].median,
        itemStyle: { color: isBaseline ? '#8c959f' : '#0969da' },
        label: {
          show: true,
          position: 'right',
          color: TEXT,
          fontSize: 11,
          formatter: formatValue(metrics[id].median, unit),
        },
      })),
    })),
  };
  return chartSvg(option, { width, height });
}

/** Whether a policy refused requests in any run, so that it had less to do than others. */
const hasRefused = ({ metrics }: PolicyResults): boolean => (metrics['failures']?.max ?? 0) > 0;
