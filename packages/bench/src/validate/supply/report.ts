/** The output of `decpool validate --supply`: a table of rows, then the reasons of known differences. */
import { countText } from '../../text/counts.ts';
import { type CellColumns, numberColumn, tableOf, textColumn } from '../../text/table.ts';
import type { Supply } from './rows.ts';
import { medianOf, type SupplyResult, TOLERANCE } from './supply.ts';

/** `26`, or `26 (25..27)` if the seeds differ. */
function gotText(model: readonly Supply[]): string {
  const all = model.map(({ got }) => got);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return least === most ? `${least}` : `${medianOf(model, ({ got }) => got)} (${least}..${most})`;
}

/** The kernel's number beside the model's. */
const both = (name: string, numberOf: (supply: Supply) => number): CellColumns<SupplyResult> => [
  [numberColumn(name), ({ kernel }) => numberOf(kernel)],
  [numberColumn('model'), ({ model }) => medianOf(model, numberOf)],
];

const COLUMNS: CellColumns<SupplyResult> = [
  [textColumn('kernel'), ({ version }) => version],
  [textColumn('memory'), ({ state }) => state],
  [textColumn('flags'), ({ flags }) => flags],
  [numberColumn('blocks'), ({ kernel }) => kernel.got],
  [numberColumn('model'), ({ model }) => gotText(model)],
  ...both('by kswapd', ({ byKswapd }) => byKswapd),
  ...both('directly', ({ directly }) => directly),
  ...both('migrated', ({ migrated }) => migrated),
  ...both('stalls', ({ stalls }) => stalls),
  [textColumn('verdict'), ({ isWithin, passes }) => (isWithin ? 'within' : passes ? 'known' : 'DIFFERS')],
];

export function supplyReport(results: readonly SupplyResult[]) {
  const passes = results.every((result) => result.passes);
  const within = results.filter(({ isWithin }) => isWithin).length;
  const known = results.filter((result) => !result.isWithin && result.passes);
  const counts = [
    countText(results.length, 'row'),
    `${within} within, ${known.length} known, ${results.length - within - known.length} different`,
  ].join(': ');
  return { text: [tableOf(COLUMNS, results), LEGEND, ...reasonsOf(known), `\n${counts}\n`].join(''), passes };
}

/** Each reason once, with the rows that it stands for. */
function reasonsOf(known: readonly SupplyResult[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { version, state, flags, knownReason = '' } of known) {
    reasons.set(knownReason, [...(reasons.get(knownReason) ?? []), `${version} ${state} ${flags}`]);
  }
  return [...reasons].map(([reason, rows]) => `\nknown: ${rows.join(', ')}\n  ${reason}\n`);
}

const LEGEND = `model: beside the kernel's number; the median of three seeds, and their range where blocks differ
blocks: requests that got a chunk of order 9, of 200; within: the model's number is at most ${TOLERANCE * 100} % off
by kswapd, directly: pages reclaimed by kswapd, and by requests that waited; migrated: pages that compaction moved
stalls: times that a request waited for reclaim or compaction
`;
