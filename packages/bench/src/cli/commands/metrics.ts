import pc from 'picocolors';
import type { Metric } from '../../metrics/metric.ts';
import { wrap } from '../../text/wrap.ts';
import { command } from '../declaration.ts';
import type { Output } from '../output.ts';

const INDENT = 4;

export const metrics = command({
  name: 'metrics',
  summary: 'list the metrics, with their formulas',
  description:
    'Lists every metric: its id for --metrics, its unit, and its formula. The ten rows that compare shows come first.',
  async run(_, { output }) {
    const { KEY_METRICS } = await import('../../metrics/key-metrics.ts');
    const { METRIC_GROUPS, METRICS } = await import('../../metrics/metric.ts');
    const usual = KEY_METRICS.flatMap((id) => METRICS.filter((metric) => metric.id === id));
    const sections = [
      { group: 'Rows of compare', metrics: usual },
      ...METRIC_GROUPS.map(({ group, metrics }) => ({
        group,
        metrics: metrics.filter(({ id }) => !KEY_METRICS.includes(id)),
      })),
    ];
    const texts = sections
      .filter(({ metrics }) => metrics.length > 0)
      .map(({ group, metrics }) => sectionText(group, metrics, output));
    output.write(`${texts.join('\n\n')}\n`);
  },
});

/** A line for what each metric is, and its formula below. */
function sectionText(heading: string, metrics: readonly Metric[], { columns, isColoured }: Output): string {
  const { bold } = pc.createColors(isColoured);
  const lines = metrics.flatMap(({ id, label, unit, better, formula }) => [
    `  ${bold(id)}: ${label}; ${unit}, ${better === 'neutral' ? 'not judged' : `${better} is better`}`,
    ...wrap(formula, columns - INDENT).map((line) => ' '.repeat(INDENT) + line),
  ]);
  return [bold(heading), ...lines].join('\n');
}
