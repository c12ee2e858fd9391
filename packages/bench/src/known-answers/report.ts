/** The known answers as text: expected and measured figures, then the curves of `frag` with the published points. */
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import type { KnownFigure } from '../workloads/known-answer.ts';
import { isOff, type MeasuredAnswer } from './measure.ts';

const LABELS: Readonly<Record<KnownFigure, string>> = {
  blocks: 'blocks at peak / lower bound',
  'block-seconds': 'block-seconds / lower bound',
  'llfree-score': 'LLFree score at the end, %',
};

/** Decimals of ratios and of percentages. */
const decimalsOf = (figure: KnownFigure): number => (figure === 'llfree-score' ? 1 : 4);

export function answersText(answers: readonly MeasuredAnswer[]): string {
  const heads = [
    ...['workload', 'policy', 'figure'].map((head) => textColumn(head)),
    ...['expected', 'measured', 'deviation', 'allowed'].map(numberColumn),
    textColumn(''),
  ];
  const rows = answers.map((each) => {
    const { workload, answer, measured } = each;
    const { policy, figure, expected, tolerance } = answer;
    const text = (value: number) => value.toFixed(decimalsOf(figure));
    const deviation = `${measured < expected ? '-' : '+'}${text(Math.abs(measured - expected))}`;
    const allowed = tolerance === 0 ? 'rounding' : `±${text(tolerance)}`;
    return [
      ...[workload, policy, LABELS[figure], text(expected), text(measured), deviation, allowed],
      isOff(each) ? 'OFF' : 'ok',
    ];
  });
  const sources = new Set(answers.map(({ workload, answer }) => `${workload}, expected: ${answer.source}`));
  return `${plainTable(heads, rows)}\n${[...sources].map((source) => `${source}\n`).join('')}`;
}

/** Rounds from one row of a curve to the next. */
const STEP = 10;

/** Scores that LLFree's authors measured before the first round and after the last, percent. */
const PUBLISHED = { buddy: [15.1, 15.1], llfree: [14.8, 94.3] } as const;

export function curvesText(answers: readonly MeasuredAnswer[]): string {
  const curves = answers.flatMap(({ answer, curve }) =>
    curve === undefined ? [] : [{ policy: answer.policy, curve }],
  );
  const rounds = Math.max(0, ...curves.map(({ curve }) => curve.length - 1));
  const policies = curves.map(({ policy }) => policy.replaceAll('+', '\n+'));
  const heads = ['round', ...policies, 'Linux buddy\npublished', 'LLFree\npublished'];
  const rows: (string | number)[][] = [];
  for (let round = 0; round <= rounds; round += STEP) {
    const end = round === 0 ? 0 : round + STEP > rounds ? 1 : undefined;
    const published = [PUBLISHED.buddy, PUBLISHED.llfree].map((points) =>
      end === undefined ? '' : points[end].toFixed(1),
    );
    rows.push([round, ...curves.map(({ curve }) => curve[round]?.toFixed(1) ?? ''), ...published]);
  }
  return `LLFree score of the workload frag after each round, in percent\n${plainTable(heads.map(numberColumn), rows)}\n${DIFFERENCE.map((line) => `note: ${line}\n`).join('')}`;
}

/** How these curves differ from the published ones, and why. */
const DIFFERENCE: readonly string[] = [
  'Start: the score is near 18.2 %. Of the free memory, 90 % is filled and half of that freed again. Of the 55 parts then free, 10 were never used.',
  'Published start: 14.8 and 15.1 %. That machine was filled to 90 % of all memory, and its kernel used some of it.',
  'Buddy allocators reuse the pages that were freed last, at any address. So they keep their first score, as published.',
  'LLFree first fills trees that are less than half free. The other trees lose a tenth of their pages in each round. A block with 256 used pages is free again at about round 50.',
  'End: LLFree stays below the published 94.3 %; the reason is unknown. The published machine has 128 GiB for 8 CPUs, this guest 512 MiB. Reserving the tree in which a CPU frees is not modelled, because requests have no CPU.',
];
