/** The known answers as text: expected beside measured, then the curves of `frag` with what was published. */
import Table from 'cli-table3';
import type { KnownFigure } from '../workloads/known-answer.ts';
import { isOff, type MeasuredAnswer } from './measure.ts';

const LABELS: Readonly<Record<KnownFigure, string>> = {
  blocks: 'blocks at peak / lower bound',
  'block-seconds': 'block-seconds / lower bound',
  'llfree-score': 'LLFree score at the end, %',
};

/** Decimals of ratios and of percentages. */
const decimalsOf = (figure: KnownFigure): number => (figure === 'llfree-score' ? 1 : 4);

const STYLE = { head: [], border: [], compact: true };

export function answersText(answers: readonly MeasuredAnswer[]): string {
  const table = new Table({
    head: ['workload', 'policy', 'figure', 'expected', 'measured', 'deviation', 'allowed', ''],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'left'],
    style: STYLE,
  });
  for (const each of answers) {
    const { workload, answer, measured } = each;
    const { policy, figure, expected, tolerance } = answer;
    const text = (value: number) => value.toFixed(decimalsOf(figure));
    const deviation = `${measured < expected ? '-' : '+'}${text(Math.abs(measured - expected))}`;
    const allowed = tolerance === 0 ? 'rounding' : `±${text(tolerance)}`;
    table.push([
      workload,
      policy,
      LABELS[figure],
      text(expected),
      text(measured),
      deviation,
      allowed,
      isOff(each) ? 'OFF' : 'ok',
    ]);
  }
  const sources = new Set(answers.map(({ workload, answer }) => `${workload}: ${answer.source}`));
  return `${table.toString()}\n${[...sources].map((source) => `expected     ${source}\n`).join('')}`;
}

/** Every so many rounds a curve is told. */
const STEP = 10;

/** What LLFree's authors measured before the first round and after the last, percent. */
const PUBLISHED = { buddy: [15.1, 15.1], llfree: [14.8, 94.3] } as const;

export function curvesText(answers: readonly MeasuredAnswer[]): string {
  const curves = answers.flatMap(({ answer, curve }) =>
    curve === undefined ? [] : [{ policy: answer.policy, curve }],
  );
  const rounds = Math.max(0, ...curves.map(({ curve }) => curve.length - 1));
  const table = new Table({
    head: [
      'round',
      ...curves.map(({ policy }) => policy.replaceAll('+', '\n+')),
      'Linux buddy\npublished',
      'LLFree\npublished',
    ],
    colAligns: ['right', ...curves.map(() => 'right' as const), 'right', 'right'],
    style: STYLE,
  });
  for (let round = 0; round <= rounds; round += STEP) {
    const end = round === 0 ? 0 : round + STEP > rounds ? 1 : undefined;
    const published = [PUBLISHED.buddy, PUBLISHED.llfree].map((points) =>
      end === undefined ? '' : points[end].toFixed(1),
    );
    table.push([round, ...curves.map(({ curve }) => curve[round]?.toFixed(1) ?? ''), ...published]);
  }
  return `LLFree score of frag, percent, by round\n${table.toString()}\n${DIFFERENCE.map((line) => `note: ${line}\n`).join('')}`;
}

/** What of the published curves these do not show, and why. */
const DIFFERENCE: readonly string[] = [
  'where it starts: 90 % of the free memory is filled, so 10 of the 55 parts that are free after the first free, 18.2 %, were never touched; the published 14.8 and 15.1 % are of a machine that was filled to 90 % of all its memory, of which the kernel itself had some',
  'the buddy allocators take what was freed last, wherever it lies, and so stay where they start, as published',
  'LLFree fills trees of which less than half is free before those of which more is, so that these lose a tenth of their pages with each round; a block is whole again when its last page goes, about round 50 of one that had 256',
  'where LLFree ends: why the last points are missing is not established; the published machine has 128 GiB for its 8 CPUs, this guest 512 MiB, and reserving the tree in which a CPU frees is not modelled, since a request does not tell its CPU',
];
