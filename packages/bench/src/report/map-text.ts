/** A map of shared memory in plain characters: a line per policy, or per policy and time, from address 0 up. */

import picocolors from 'picocolors';
import { BlocksAt } from '../history/blocks-at.ts';
import { BLOCK_MAPPINGS, BLOCK_STATES, type InputHistory } from '../history/types.ts';
import { countText } from '../text/counts.ts';
import { filledLines } from '../text/groups.ts';
import { printable } from '../text/printable.ts';
import { LEAST_COLUMNS } from '../text/screen.ts';
import { timeText } from '../text/time.ts';
import { addressText } from '../text/units.ts';
import { wrap } from '../text/wrap.ts';
import { type MapBins, mapBins } from './map-bins.ts';

interface MapOptions {
  /** Longest line, in characters; at least 60. */
  readonly columns: number;
  readonly mode: 'policies' | 'time';
  readonly isColoured?: boolean;
}

/** A character for each share of a bin's memory. Shares double from step to step, so a few shared pages are visible too. */
const SCALE = '.:-=+*#@';
const FIRST_SHARE = 1 / 64;
const NOTHING = ' ';
const UNKNOWN = '?';
const HOLE = '/';

const LONGEST_LABEL = 34;
const TIME_STEPS = 12;
const COUNTS = ['shared', 'mixed', 'split'] as const;
const COUNTS_WIDTH = COUNTS.reduce((width, name) => width + 1 + name.length, 0);
const FRAME_WIDTH = ' ||'.length;

const UNKNOWN_STATE = BLOCK_STATES.indexOf('unknown');
const SPLIT = BLOCK_MAPPINGS.indexOf('split');

export function mapText(history: InputHistory, options: MapOptions): string {
  const columns = Math.max(LEAST_COLUMNS, options.columns);
  const isOverTime = options.mode === 'time';
  const frames = isOverTime ? stepsOf(history) : [history.peakFrame];
  const names = isOverTime
    ? frames.map((frame) => timeText(history.frames.times[frame]))
    : history.runs.map(({ policy }) => printable(policy));
  const room = Math.min(LONGEST_LABEL, Math.floor(columns * 0.3));
  const label = Math.min(room, Math.max(...names.map((name) => name.length)));
  const bins = mapBins(history, columns - label - FRAME_WIDTH - COUNTS_WIDTH);
  const lineOf = (name: string, blocks: BlocksAt, frame: number) => {
    const { cells, counts } = cellsAt(history, blocks, frame, bins);
    const figures = COUNTS.map((count) => ` ${String(counts[count]).padStart(count.length)}`).join('');
    return `${shortened(name, label).padEnd(label)} |${coloured(cells, options.isColoured === true)}|${figures}`;
  };
  const head = `${' '.repeat(label)}  ${' '.repeat(bins.count)} ${COUNTS.map((name) => ` ${name}`).join('')}`;
  const maps = history.runs.flatMap((run, index) => {
    const blocks = new BlocksAt(run.blocks);
    if (!isOverTime) return [lineOf(names[index], blocks, history.peakFrame)];
    const title = shortened(printable(run.policy), columns);
    return [title, ...frames.map((frame, step) => lineOf(names[step], blocks, frame))];
  });
  return [
    ...headLines(history, isOverTime, bins).flatMap((line) => wrap(line, columns)),
    head,
    ...maps,
    ...axisLines(bins).map((line) => `${' '.repeat(label)}  ${line}`.trimEnd()),
    ...filledLines(legend(), columns, '  '),
    ...wrap(COLUMNS_TEXT, columns),
    ...(options.isColoured === true
      ? wrap('yellow: a 2 MiB mapping of the direct map is split.', columns)
      : []),
    '',
  ].join('\n');
}

/** The lines above the map; each is wrapped on its own. */
function headLines(history: InputHistory, isOverTime: boolean, bins: MapBins): string[] {
  const mib = (history.pagesPerBlock * history.pageBytes) / 2 ** 20;
  const size = `${countText(bins.blocks, 'block')} (${bins.blocks * mib} MiB)`;
  const zoom =
    ' The map shows only part of memory: from the first to the last block that a policy touched, and some on both sides.';
  return [
    isOverTime ? 'Shared memory over time.' : peakText(history),
    `One character is ${size}.${bins.isZoomed ? zoom : ''}`,
  ];
}

function peakText({ frames, peakFrame, leastBlocks }: InputHistory): string {
  const { requests, times } = frames;
  const [steps, all] = [requests.length - 1, requests[requests.length - 1]];
  const moment = `after request ${requests[peakFrame]} of ${all}, at ${timeText(times[peakFrame])}`;
  const least = `Lower bound for a policy that serves all requests: ${countText(leastBlocks[peakFrame], 'block')} shared`;
  if (steps === all) return `Shared memory at peak demand: ${moment}. ${least}.`;
  // Demand may be higher between two frames. The bound of a frame is the largest since the frame before.
  return (
    `Shared memory at peak demand, sampled every ${requests[1]} requests: ${moment}. ` +
    `${least}, then or in the ${requests[1]} requests before.`
  );
}

/** Evenly spaced frames, without the first, which shows little. */
function stepsOf({ frames }: InputHistory): number[] {
  const last = frames.requests.length - 1;
  const steps = Math.min(TIME_STEPS, Math.max(1, last));
  return Array.from({ length: steps }, (_, step) => Math.round(((step + 1) * last) / steps));
}

function cellsAt(history: InputHistory, at: BlocksAt, frame: number, bins: MapBins) {
  const shared = new Array<number>(bins.count).fill(0);
  const isUnknown = new Array<boolean>(bins.count).fill(false);
  const isSplit = new Array<boolean>(bins.count).fill(false);
  const counts = { shared: 0, mixed: 0, split: 0 };
  const { changes } = at;
  for (const row of at.rowsAt(frame)) {
    const bin = Math.floor((changes.block[row] - bins.first) / bins.blocks);
    const pages = changes.sharedPages[row];
    shared[bin] += pages;
    if (changes.state[row] === UNKNOWN_STATE) isUnknown[bin] = true;
    if (changes.mapping[row] === SPLIT) isSplit[bin] = true;
    // Counted as in the metrics: a block with pages in an unknown state may be mixed too.
    counts.shared += Number(pages > 0);
    counts.mixed += Number(pages > 0 && pages < history.pagesPerBlock);
    counts.split += Number(changes.mapping[row] === SPLIT);
  }
  const text = shared.map((pages, bin) => {
    const all = bins.ramBlocks[bin] * history.pagesPerBlock;
    if (isUnknown[bin]) return UNKNOWN;
    return all === 0 ? HOLE : characterOf(pages / all);
  });
  return { cells: { text: text.join(''), isSplit }, counts };
}

function characterOf(share: number): string {
  if (share === 0) return NOTHING;
  if (share >= 1) return SCALE[SCALE.length - 1];
  let step = 0;
  for (let most = FIRST_SHARE; share > most; most *= 2) step++;
  return SCALE[Math.min(step, SCALE.length - 2)];
}

function coloured({ text, isSplit }: ReturnType<typeof cellsAt>['cells'], isColoured: boolean): string {
  if (!isColoured) return text;
  const { green, red, yellow, dim } = picocolors.createColors(true);
  const paint = (character: string, bin: number) => {
    if (character === UNKNOWN) return red(character);
    if (character === HOLE) return dim(character);
    return isSplit[bin] ? yellow(character) : character === NOTHING ? character : green(character);
  };
  return [...text].map(paint).join('');
}

const legend = (): string[] => [
  'Shared part of a character, at most: blank 0',
  ...[...SCALE].map((character, step) => {
    if (step === SCALE.length - 1) return `${character} all`;
    return step === SCALE.length - 2
      ? `${character} less than all`
      : `${character} 1/${1 / (FIRST_SHARE * 2 ** step)}`;
  }),
  `${UNKNOWN} unknown`,
  `${HOLE} no RAM`,
];

const COLUMNS_TEXT =
  'shared: blocks with shared pages. mixed: blocks with shared and private pages. split: split 2 MiB mappings of the direct map. Pages in an unknown state count as shared.';

const shortened = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 2)}..`;

/** Fewest characters from one tick to the next. */
const TICK_ROOM = 10;

/** A line with ticks at round addresses, and a line with these addresses. */
function axisLines({ first, blocks, count, blockBytes }: MapBins): [ticks: string, labels: string] {
  const binBytes = blocks * blockBytes;
  let step = blockBytes;
  while (step < TICK_ROOM * binBytes) step *= 2;
  const ticks = new Array<string>(count).fill('-');
  let labels = '';
  const start = first * blockBytes;
  for (let at = Math.ceil(start / step) * step; ; at += step) {
    const bin = Math.floor((at - start) / binBytes);
    if (bin >= count) break;
    ticks[bin] = '+';
    labels = labels.padEnd(bin) + addressText(at);
  }
  return [ticks.join(''), labels];
}
