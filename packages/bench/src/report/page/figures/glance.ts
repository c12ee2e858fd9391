/** The first picture: what grouping saves and what it costs, with a panel per figure and a bar per policy. */

import type { MetricId } from '../../../metrics/metric.ts';
import { formatValue } from '../../../text/units.ts';
import type { Results } from '../../results.ts';
import { chartText } from '../escape.ts';
import { policyStyle } from '../palette.ts';
import { chartBase, inkOf } from './axes.ts';
import type { Figure } from './figure.ts';
import { MARK_TEXT, markedName, moreThanShown, shownPolicies } from './shown-policies.ts';

const PANELS: readonly MetricId[] = [
  'splits-2m',
  'mixed-peak',
  'host-calls',
  'full-flushes',
  'shared-idle-mean',
];
const BAR = 24;
const TOP = 26;
const ALONE = 30;
const CHARACTER = 6.9;
const VALUE = 74;
/** Panels are stacked if the page is too narrow to put them side by side. */
const isNarrow = (width: number): boolean => width < 640;

/** Undefined if every bar would have no length, as when nothing is shared. */
export function glanceFigure(results: Results): Figure | undefined {
  const shown = shownPolicies(results);
  const more = moreThanShown(results, shown);
  const refusedText = shown.some(({ policy }) => results.ranking.refused.includes(policy.policy))
    ? ` ${MARK_TEXT}`
    : '';
  const hasSplits = results.ranking.objectives.includes('splits-2m');
  const panels = PANELS.filter((id) => hasSplits || id !== 'splits-2m').flatMap((wanted) =>
    results.metrics.filter((metric) => metric.id === wanted),
  );
  if (shown.every(({ policy }) => panels.every(({ id }) => policy.metrics[id].median === 0)))
    return undefined;
  const title = 'Key figures of each policy';
  return {
    id: 'at-a-glance',
    title,
    kind: 'run',
    heightAt: (width) => (isNarrow(width) ? panels.length : 1) * (TOP + BAR * shown.length) + 6,
    formula: panels.map(({ label, formula }) => `${label}: ${formula}`),
    commands: [results.command],
    reading: () =>
      `${results.seeds.length === 1 ? 'Values of one seed.' : 'Medians over the seeds.'} Less is better in every panel. Each panel has its own scale.${refusedText}${more === '' ? '' : ` ${more}`}`,
    table: () => ({
      caption: `${title}: medians over the seeds`,
      head: ['policy', ...panels.map(({ label }) => label)],
      rows: shown.map(({ policy }) => [
        markedName(results, policy.policy),
        ...panels.map(({ id, unit }) => formatValue(policy.metrics[id].median, unit)),
      ]),
    }),
    option: (view) => {
      const ink = inkOf(view);
      const names = shown.map(({ policy }) => chartText(markedName(results, policy.policy)));
      const isStacked = isNarrow(view.width);
      const longest = 16 + CHARACTER * Math.min(38, Math.max(...names.map((each) => each.length)));
      const labels = isStacked ? Math.min(longest, view.width * 0.42) : longest;
      const panel = (view.width - labels) / (isStacked ? 1 : panels.length);
      const topOf = (index: number) =>
        TOP + (view.isAlone ? ALONE : 0) + (isStacked ? index * (TOP + BAR * shown.length) : 0);
      const leftOf = (index: number) => labels + (isStacked ? 0 : index * panel);
      const height = BAR * shown.length;
      return {
        ...chartBase(view, `${chartText(results.input.name)}: ${title.toLowerCase()}`),
        grid: panels.map((_, index) => ({
          left: leftOf(index),
          width: Math.max(8, panel - VALUE),
          top: topOf(index),
          height,
        })),
        graphic: panels.map(({ label }, index) => ({
          type: 'text',
          left: leftOf(index),
          top: topOf(index) - 20,
          silent: true,
          style: {
            text: label,
            fill: ink.text,
            fontSize: 11.5,
            width: panel - 8,
            overflow: 'truncate',
          },
        })),
        xAxis: panels.map((_, index) => ({
          type: 'value',
          gridIndex: index,
          show: false,
          min: 0,
          max: maxOf(index),
        })),
        yAxis: panels.map((_, index) => ({
          type: 'category',
          gridIndex: index,
          inverse: true,
          data: names,
          axisTick: { show: false },
          axisLine: { show: true, lineStyle: { color: ink.line } },
          axisLabel: {
            show: index === 0 || isStacked,
            color: ink.text,
            fontSize: 11.5,
            margin: 8,
            interval: 0,
            width: labels - 16,
            overflow: 'truncate',
          },
        })),
        series: panels.map(({ id, unit, label }, index) => ({
          type: 'bar',
          name: label,
          xAxisIndex: index,
          yAxisIndex: index,
          barWidth: 12,
          data: shown.map(({ policy, place }) => ({
            value: policy.metrics[id].median,
            itemStyle: { color: policyStyle(place).colour[view.scheme] },
            label: {
              show: true,
              position: 'right',
              distance: 4,
              color: ink.text,
              fontSize: 11.5,
              formatter: formatValue(policy.metrics[id].median, unit),
            },
          })),
        })),
      };
    },
  };

  /** 1 if all values are 0: a bar of 0 must not fill the panel. */
  function maxOf(index: number): number {
    return Math.max(...shown.map(({ policy }) => policy.metrics[panels[index].id].median)) || 1;
  }
}
