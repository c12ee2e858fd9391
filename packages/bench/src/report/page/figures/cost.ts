/** Counts times assumed weights: the cost of conversions if the weights were true. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import { formatValue } from '../../../text/units.ts';
import type { Results } from '../../results.ts';
import { chartText } from '../escape.ts';
import { PART_COLOURS } from '../palette.ts';
import {
  categoryAxis,
  chartBase,
  inkOf,
  nameWidth,
  TEXT_SIZE,
  TITLE_HEIGHT,
  timeScale,
  timeText,
  tooltip,
  valueAxis,
  wordsAt,
} from './axes.ts';
import { COMPONENTS, type Cost, costOf, countOf } from './cost-weights.ts';
import type { Figure, View } from './figure.ts';
import { MARK, markedName, shownPolicies } from './shown-policies.ts';

const BAR = 28;
const LEGEND = 20;

/** Undefined if no policy did anything that has a weight. */
export function costFigure(results: Results): Figure | undefined {
  const shown = shownPolicies(results);
  if (shown.every(({ policy }) => COMPONENTS.every((component) => countOf(policy, component) === 0)))
    return undefined;
  const refused = new Set(results.ranking.refused);
  const title = 'Cost of conversions under assumed weights';
  const costs = ({ weights }: View) => shown.map(({ policy }) => costOf(policy, weights));
  const perRow = ({ width }: View) => Math.max(2, Math.floor(width / 150));
  const legendRows = (view: View) => Math.ceil(COMPONENTS.length / perRow(view));
  return {
    id: 'cost',
    title: 'Assumed time of conversions',
    kind: 'weights',
    heightAt: () => shown.length * BAR + 34 + LEGEND + 8,
    formula: [
      ...COMPONENTS.map(
        ({ label, metrics }) => `${label}: median of ${metrics.join(' + ')}, times its weight`,
      ),
      'total: the sum; overlap, contention and caches are not modelled.',
    ],
    commands: [results.command],
    reading: (view) => {
      const totals = costs(view)
        .filter(({ policy }) => !refused.has(policy))
        .sort((a, b) => a.total - b.total);
      const left = `Policies with ${MARK.trim()} are left out: they refused requests and did less work.`;
      const marks = totals.length < shown.length ? ` ${left}` : '';
      const [least] = totals;
      const most = totals.at(-1);
      if (most === undefined) return 'Every policy refused requests: these are times of different work.';
      const timeOf = ({ policy, total }: Cost) => `${timeText(total)} for ${shortPolicyName(policy)}`;
      if (totals.length === 1) return `Under these weights: ${timeOf(least)}.${marks}`;
      return least.total === most.total
        ? `Under these weights: ${timeText(least.total)} for every policy.${marks}`
        : `Under these weights: from ${timeOf(least)} to ${timeOf(most)}.${marks}`;
    },
    table: (view) => ({
      caption: `${title}, by component`,
      head: ['policy', ...COMPONENTS.map(({ label }) => label), 'total'],
      rows: costs(view).map(({ policy, parts, total }) => [
        markedName(results, policy),
        ...parts.map((part) => timeText(part)),
        timeText(total),
      ]),
    }),
    option: (view) => {
      const ink = inkOf(view);
      const colours = PART_COLOURS[view.scheme];
      const each = costs(view);
      const scale = timeScale(Math.max(1, ...each.map(({ total }) => total)));
      const names = each.map(({ policy }) => chartText(markedName(results, policy)));
      const labels = Math.min(view.width * 0.36, nameWidth(names));
      const offset = view.isAlone ? TITLE_HEIGHT : 0;
      const column = view.width / perRow(view);
      return {
        ...chartBase(view, results.input.name, title.toLowerCase()),
        grid: { left: labels, right: 80, top: offset + LEGEND * legendRows(view) + 8, bottom: 26 },
        graphic: COMPONENTS.flatMap(({ label }, index) => {
          const left = (index % perRow(view)) * column;
          const top = offset + LEGEND * Math.floor(index / perRow(view));
          return [
            {
              type: 'rect',
              silent: true,
              shape: { x: left + 1, y: top + 3, width: 11, height: 11 },
              style: { fill: colours[index], stroke: ink.muted, lineWidth: 0.75 },
            },
            wordsAt({ x: left + 18, y: top + 3 }, label, ink.text),
          ];
        }),
        tooltip: tooltip(view, {
          trigger: 'axis',
          axisPointer: { type: 'shadow', shadowStyle: { color: ink.grid, opacity: 0.6 } },
          formatter: (hits: readonly { readonly dataIndex: number }[]) => {
            const index = hits[0]?.dataIndex ?? 0;
            const policy = shown[index].policy;
            return [
              names[index],
              ...COMPONENTS.map(
                (component, part) =>
                  `${component.label}: ${formatValue(countOf(policy, component), 'count')} x ${formatValue(view.weights[component.id] ?? 0, 'ratio')} ns = ${timeText(each[index].parts[part])}`,
              ),
              `total ${timeText(each[index].total)}`,
            ].join('\n');
          },
        }),
        xAxis: valueAxis(view, { suffix: scale.suffix }),
        yAxis: categoryAxis(view, names, labels - 14),
        series: COMPONENTS.map(({ label }, part) => ({
          type: 'bar',
          name: label,
          stack: 'cost',
          barWidth: 16,
          itemStyle: { color: colours[part], borderColor: ink.muted, borderWidth: 0.4 },
          data: each.map(({ parts }) => parts[part] / scale.divisor),
          label: {
            show: part === COMPONENTS.length - 1,
            position: 'right',
            color: ink.text,
            fontSize: TEXT_SIZE,
            formatter: ({ dataIndex }: { dataIndex: number }) => timeText(each[dataIndex].total),
          },
        })),
      };
    },
  };
}
