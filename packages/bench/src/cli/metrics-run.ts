import pc from 'picocolors';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { METRIC_GROUPS, METRICS, type Metric } from '../metrics/metric.ts';
import { wrap } from '../text/wrap.ts';
import type { Output } from './output.ts';

const INDENT = 4;

/** `decpool metrics`: the ten usual rows, then the others by group; a line for what each is, and its formula below. Returns the exit code, 0. */
export function metricsCommand({ write, columns, isColoured }: Output): number {
  const { bold } = pc.createColors(isColoured);
  const section = (heading: string, metrics: readonly Metric[]) =>
    metrics.length === 0
      ? []
      : [[bold(heading), ...metrics.flatMap((metric) => textOf(metric, columns, bold))].join('\n')];
  const usual = KEY_METRICS.flatMap((id) => METRICS.filter((metric) => metric.id === id));
  const sections = [
    ...section('Rows of compare', usual),
    ...METRIC_GROUPS.flatMap(({ group, metrics }) =>
      section(
        group,
        metrics.filter(({ id }) => !KEY_METRICS.includes(id)),
      ),
    ),
  ];
  write(`${sections.join('\n\n')}\n`);
  return 0;
}

function textOf(
  { id, label, unit, better, formula }: Metric,
  columns: number,
  bold: (text: string) => string,
) {
  const judged = better === 'neutral' ? 'not judged' : `${better} is better`;
  const indent = ' '.repeat(INDENT);
  return [
    `  ${bold(id)}: ${label}; ${unit}, ${judged}`,
    ...wrap(formula, columns - INDENT).map((line) => indent + line),
  ];
}
