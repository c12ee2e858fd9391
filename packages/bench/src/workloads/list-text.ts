/** The generated workloads, and the parameters of one, as tables for `decpool workloads` and docs/reference/workloads.md. */
import { PAGE_SIZE } from '@decpool/model';
import Table from 'cli-table3';
import { fittedTable, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { wrap } from '../text/wrap.ts';
import type { WorkloadGenerator } from './define.ts';
import { durationOf } from './workload.ts';

/** A workload with default parameters, its figures as text. Makes the workload. */
export function workloadRow({ name, description, generate }: WorkloadGenerator) {
  const workload = generate();
  return {
    name,
    description,
    requests: formatValue(workload.requests.length, 'count'),
    /** Of live pages. */
    peak: formatValue(workload.peakLivePages, 'pages'),
    peakBytes: formatValue(workload.peakLivePages * PAGE_SIZE, 'bytes'),
    duration: timeText(durationOf(workload), 1),
  };
}

const NAME_WIDTH = 24;
const TEXT_WIDTH = 44;

export function workloadsTable(rows: readonly ReturnType<typeof workloadRow>[]): string {
  const table = new Table({
    head: ['workload', 'models', 'requests', 'peak live', 'duration'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    colWidths: [NAME_WIDTH, TEXT_WIDTH],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { name, description, requests, peak, peakBytes, duration } of rows) {
    table.push([name, description, requests, `${peak} pages\n${peakBytes}`, duration]);
  }
  return `${table.toString()}\n`;
}

/** Name, default, range and meaning of each parameter. */
export const parameterRows = ({ parameters }: WorkloadGenerator): readonly (readonly string[])[] =>
  Object.entries(parameters).map(([name, { default: usual, min, max, unit, isPowerOfTwo, about }]) => {
    const unitText = unit === undefined ? '' : ` ${unit}`;
    const range = `${formatValue(min, 'count')} to ${formatValue(max, 'count')}${unitText}`;
    const kind = isPowerOfTwo === undefined ? '' : ', a power of two';
    return [name, formatValue(usual, 'count'), `${range}${kind}`, about];
  });

/** What a workload is, and its parameters; `columns`: characters of a line. */
export function parametersText(generator: WorkloadGenerator, columns: number): string {
  const { name, description, platform = 'snp', memory = '4G' } = generator;
  const heads = ['parameter', 'default', 'range', 'meaning'].map((head) => textColumn(head));
  const [parameter] = Object.keys(generator.parameters).filter((each) => each !== 'seed');
  const example = `${parameter}=${generator.parameters[parameter].default}`;
  const lines = [
    ...wrap(`${name}: ${description}`, columns),
    `platform     ${platform}`,
    `memory       ${memory}`,
    '',
    fittedTable(heads, parameterRows(generator), columns),
    '',
    `--workload ${name}:${example} sets one, a comma parts several; also memory=SIZE, as of --memory. Default seed: that of --seed.`,
    `A plus joins workloads that run side by side, as in ${name}+${name === 'file-churn' ? 'netvsc' : 'file-churn'}.`,
  ];
  return `${lines.join('\n')}\n`;
}
