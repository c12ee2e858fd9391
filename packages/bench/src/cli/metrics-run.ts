import pc from 'picocolors';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import type { Metric } from '../metrics/metric.ts';
import { metricList } from '../sweep/metric-list.ts';
import { wrap } from '../text/wrap.ts';
import type { Output } from './command-context.ts';

const INDENT = 4;

/** `decpool metrics`: the ten usual rows, then the others; a line for what each is, and its formula below. Returns the exit code, 0. */
export function metricsCommand({ write, columns, isColoured }: Output): number {
  const { bold } = pc.createColors(isColoured);
  const metrics = metricList();
  const usual = KEY_METRICS.flatMap((id) => metrics.filter((metric) => metric.id === id));
  const others = metrics.filter(({ id }) => !KEY_METRICS.includes(id));
  const lines = (list: readonly Metric[]) => list.flatMap((metric) => textOf(metric, columns, bold));
  write(
    `${[bold('Rows of compare'), ...lines(usual), '', bold('With --metrics'), ...lines(others)].join('\n')}\n`,
  );
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
