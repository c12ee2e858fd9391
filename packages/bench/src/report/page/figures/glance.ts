/** The first picture: what grouping saves and what it costs, with a panel per figure and a bar per policy. */

import type { MetricId } from '../../../metrics/metric.ts';
import { present } from '../../../text/listed.ts';
import { formatValue } from '../../../text/units.ts';
import { namedMetrics } from '../../named-metrics.ts';
import type { Results } from '../../results.ts';
import { chartText } from '../escape.ts';
import { policyStyle } from '../palette.ts';
import { barPanels, chartBase, inkOf, nameWidth, TEXT_SIZE, TITLE_HEIGHT, wordsAt } from './axes.ts';
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
const VALUE = 74;
/** Panels are stacked if the page is too narrow to put them side by side. */
const isNarrow = (width: number): boolean => width < 640;

/** Undefined if every bar would have no length, as when nothing is shared. */
export function glanceFigure(results: Results): Figure | undefined {
  const shown = shownPolicies(results);
  const more = moreThanShown(results, shown);
  const hasMarks = shown.some(({ policy }) => results.ranking.refused.includes(policy.policy));
  const hasSplits = results.ranking.objectives.includes('splits-2m');
  const ids = PANELS.filter((id) => hasSplits || id !== 'splits-2m');
  const panels = namedMetrics(results.metrics, ids);
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
      present([
        results.seeds.length === 1 ? 'Values of one seed.' : 'Medians over the seeds.',
        'Less is better in every panel. Each panel has its own scale.',
        hasMarks && MARK_TEXT,
        more !== '' && more,
      ]).join(' '),
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
      const longest = nameWidth(names, 38);
      const labels = isStacked ? Math.min(longest, view.width * 0.42) : longest;
      const width = (view.width - labels) / (isStacked ? 1 : panels.length);
      const height = BAR * shown.length;
      const top = TOP + (view.isAlone ? TITLE_HEIGHT : 0);
      const placed = panels.map(({ id, unit, label }, index) => ({
        label,
        left: labels + (isStacked ? 0 : index * width),
        top: top + (isStacked ? index * (TOP + height) : 0),
        width: Math.max(8, width - VALUE),
        names: {
          data: names,
          axisLine: { show: true, lineStyle: { color: ink.line } },
          axisLabel: {
            show: index === 0 || isStacked,
            color: ink.text,
            fontSize: TEXT_SIZE,
            margin: 8,
            interval: 0,
            width: labels - 16,
            overflow: 'truncate',
          },
        },
        bars: shown.map(({ policy, place }) => ({
          value: policy.metrics[id].median,
          text: formatValue(policy.metrics[id].median, unit),
          color: policyStyle(place).colour[view.scheme],
        })),
      }));
      return {
        ...chartBase(view, results.input.name, title.toLowerCase()),
        ...barPanels(placed, height, ink.text),
        graphic: placed.map(({ label, left, top }) =>
          wordsAt({ left, top: top - 20 }, label, ink.text, { width: width - 8, overflow: 'truncate' }),
        ),
      };
    },
  };
}
