/** The block map as a picture: memory at one moment under two policies. Rows that are private under both are folded. */

import { shortPolicyName } from '@decpool/pool/policy-names';
import { BlocksAt, countByState } from '../../../history/blocks-at.ts';
import { BLOCK_STATES, type BlockState, type InputHistory, type RunHistory } from '../../../history/types.ts';
import { countText } from '../../../text/counts.ts';
import { groupedBy } from '../../../text/groups.ts';
import { formatValue } from '../../../text/units.ts';
import { STATE_WORDS } from '../block-words.ts';
import { escapeHtml } from '../escape.ts';
import { FONTS, INK } from '../palette.ts';
import { timeText } from './axes.ts';

const PER_ROW = 64;
const CELL = 6;
const PITCH = 7;
const SIDE = PER_ROW * PITCH;
const GAP = 40;
const HEAD = 46;
const FOLD = 9;
const LEGEND = 30;

export const STILL_WIDTH = 2 * SIDE + GAP;

/** The colours of the map on the page, on white paper. */
const FILL: Readonly<Record<BlockState, string>> = {
  private: '#e3e7eb',
  idle: '#fff1d6',
  used: '#0067b1',
  mixed: '#a3307e',
  unknown: '#1b1d20',
};
const IDLE_EDGE = '#c77700';

export function blockMapStill(
  input: string,
  history: InputHistory,
  runs: readonly RunHistory[],
  frame: number,
) {
  const rows = rowsOf(history);
  const inRam = new Set(rows.flat());
  const states = runs.map((run) => statesAt(run, inRam, frame));
  const isQuiet = (row: readonly number[]) =>
    states.every((state) => row.every((block) => (state.get(block) ?? 'private') === 'private'));
  const placed = placeRows(rows, isQuiet);
  const bottom = HEAD + (placed.at(-1)?.bottom ?? 0);
  const height = bottom + LEGEND;
  const counts = runs.map(({ policy }, side) => ({
    policy,
    blocks: countByState(history, [...states[side].values()]),
  }));
  const reading = `At ${timeText(history.frames.times[frame])}: ${counts.map(({ policy, blocks }) => `${shortPolicyName(policy)} has ${stateText(blocks)}`).join('; ')}.`;
  const ink = INK.light;
  const text = (x: number, y: number, words: string, extra = '') =>
    `<text x="${x}" y="${y}" fill="${ink.text}" font-size="12"${extra}>${escapeHtml(words)}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${STILL_WIDTH}" height="${height}" viewBox="0 0 ${STILL_WIDTH} ${height}" font-family="${escapeHtml(FONTS)}">`,
    `<title>${escapeHtml(`${input}: ${reading}`)}</title>`,
    `<rect width="100%" height="100%" fill="${ink.paper}"/>`,
    text(
      0,
      14,
      `${input} at ${timeText(history.frames.times[frame])}, request ${formatValue(history.frames.requests[frame], 'count')}; a cell is a block of 2 MiB, a row 128 MiB`,
      ` fill-opacity="0.75"`,
    ),
    ...runs.map(({ policy }, side) =>
      text(side * (SIDE + GAP), 36, shortPolicyName(policy), ' font-weight="600"'),
    ),
    ...runs.map((_, side) => sideMarkup(side * (SIDE + GAP), placed, states[side])),
    legendMarkup(bottom + 20, ink.text),
    '</svg>',
  ];
  return { svg: parts.join('\n'), height, reading, counts };
}

/** `1 block shared whole and 2 mixed`; unknown blocks are named only if there are any. */
function stateText({ used, idle, mixed, unknown }: Readonly<Record<BlockState, number>>): string {
  const count = (number: number) => formatValue(number, 'count');
  const whole = `${countText(used + idle, 'block')} shared whole`;
  return unknown === 0
    ? `${whole} and ${count(mixed)} mixed`
    : `${whole}, ${count(mixed)} mixed and ${count(unknown)} unknown or leaked`;
}

/** Rows of RAM, aligned to the length of a row. */
function rowsOf({ ram }: InputHistory): number[][] {
  const blocks = ram.flatMap(([first, length]) => Array.from({ length }, (_, index) => first + index));
  return [...groupedBy(blocks, (block) => Math.floor(block / PER_ROW)).values()];
}

function statesAt(
  { blocks }: RunHistory,
  wanted: ReadonlySet<number>,
  frame: number,
): Map<number, BlockState> {
  const rows = new BlocksAt(blocks).rowsAt(frame).filter((row) => wanted.has(blocks.block[row]));
  return new Map(rows.map((row) => [blocks.block[row], BLOCK_STATES[blocks.state[row]]]));
}

interface PlacedRow {
  readonly top: number;
  readonly bottom: number;
  /** Empty if the row is folded. */
  readonly cells: readonly number[];
}

function placeRows(
  rows: readonly (readonly number[])[],
  isQuiet: (row: readonly number[]) => boolean,
): PlacedRow[] {
  const placed: PlacedRow[] = [];
  let top = 0;
  for (const row of rows) {
    const isFolded = isQuiet(row);
    if (isFolded && placed.at(-1)?.cells.length === 0) continue;
    const bottom = top + (isFolded ? FOLD : PITCH);
    placed.push({ top, bottom, cells: isFolded ? [] : row });
    top = bottom;
  }
  return placed;
}

/** One path for each state: so a picture of thousands of blocks stays small. */
function sideMarkup(
  left: number,
  placed: readonly PlacedRow[],
  states: ReadonlyMap<number, BlockState>,
): string {
  const folds = placed
    .filter(({ cells }) => cells.length === 0)
    .map(({ top }) => `M${left} ${HEAD + top + 3.5}h${SIDE - 1}`);
  const cells = placed.flatMap(({ top, cells }) =>
    cells.map((block) => ({
      state: states.get(block) ?? 'private',
      path: `M${left + (block % PER_ROW) * PITCH} ${HEAD + top}h${CELL}v${CELL}h-${CELL}z`,
    })),
  );
  const byState = groupedBy(cells, ({ state }) => state);
  const pathOf = (state: BlockState) =>
    byState
      .get(state)
      ?.map(({ path }) => path)
      .join('');
  return [
    `<path d="${folds.join('')}" stroke="#b6bcc3" stroke-dasharray="1 3" fill="none"/>`,
    ...BLOCK_STATES.filter((state) => byState.has(state)).map(
      (state) => `<path d="${pathOf(state)}" fill="${FILL[state]}"${edgeOf(state)}/>`,
    ),
  ].join('\n');
}

const edgeOf = (state: BlockState): string =>
  state === 'idle' ? ` stroke="${IDLE_EDGE}" stroke-width="1"` : '';

function legendMarkup(y: number, ink: string): string {
  let x = 0;
  const items = BLOCK_STATES.map((state) => {
    const item = `<rect x="${x}" y="${y - 9}" width="9" height="9" fill="${FILL[state]}"${edgeOf(state)}/><text x="${x + 14}" y="${y}" font-size="11.5" fill="${ink}">${STATE_WORDS[state].name}</text>`;
    x += 34 + STATE_WORDS[state].name.length * 7;
    return item;
  });
  return `${items.join('')}<text x="${x + 10}" y="${y}" font-size="11.5" fill="${ink}">dotted line: rows that are private under both</text>`;
}
