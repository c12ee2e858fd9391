/** The texts of the block map. */

import { shortPolicyName } from '@decpool/pool/policy-names';
import { BLOCK_MAPPINGS, BLOCK_STATES, type InputHistory } from '../../../history/types.ts';
import { countText } from '../../../text/counts.ts';
import { printable } from '../../../text/printable.ts';
import { addressText, formatValue, timeUnit } from '../../../text/units.ts';
import { MAPPING_WORDS, STATE_WORDS } from '../block-words.ts';
import { shellWord } from '../escape.ts';
import type { Layout } from './block-map-layout.ts';
import { kindOf, type Look, type RunLooks } from './block-map-looks.ts';

/** ns as text, all in the unit that suits `longest`: a running clock does not jump between units. */
export function timesUpTo(longest: number): (ns: number) => string {
  const { suffix, divisor } = timeUnit(longest);
  return (ns) => `${(ns / divisor).toFixed(divisor === 1 ? 0 : 3)} ${suffix}`;
}

const timesOf = ({ frames: { times } }: InputHistory) => timesUpTo(times[times.length - 1]);

const count = (value: number): string => formatValue(value, 'count');

/** The moment of a frame: `3.250 s, after request 1,200 of 2,400`. */
export function momentText(input: InputHistory, frame: number): string {
  const { times, requests } = input.frames;
  const time = timesOf(input)(times[frame]);
  const [done, all] = [requests[frame], requests[requests.length - 1]];
  return done === 0 ? `${time}, after boot` : `${time}, after request ${count(done)} of ${count(all)}`;
}

export function scaleText({ blocksPerCell, blocksPerRow }: Layout, blockBytes: number): string {
  const cell =
    blocksPerCell === 1
      ? `One cell is a block of ${addressText(blockBytes)}`
      : `One cell stands for ${blocksPerCell} blocks of ${addressText(blockBytes)} and shows the one that is highest in the legend`;
  return `${cell}. A row is ${addressText(blocksPerRow * blockBytes)}.`;
}

export const foldText = (blocks: number, isHole: boolean, blockBytes: number): string =>
  `${addressText(blocks * blockBytes)} ${isHole ? 'without memory' : 'that no policy touched'}`;

/** `block 2220: pfns 1136640..1137151, address 0x115800000`. */
export function blockText({ pagesPerBlock, pageBytes }: InputHistory, block: number): string {
  const first = block * pagesPerBlock;
  const address = (first * pageBytes).toString(16);
  return `Block ${block}: pfns ${first}..${first + pagesPerBlock - 1}, address 0x${address}`;
}

export type BlockFacts = ReturnType<typeof factsOf>;

export function factsOf(input: InputHistory, shown: RunLooks, block: number, frame: number) {
  const row = shown.rows.rowAt(block, frame);
  if (row === -1) return factsAtBoot(input, shown.looks[block]);
  const { state, mapping, sharedPages, usedPages, since } = shown.run.blocks;
  return {
    state: STATE_WORDS[BLOCK_STATES[state[row]]].text,
    mapping: MAPPING_WORDS[BLOCK_MAPPINGS[mapping[row]]].text,
    pages: pagesText(sharedPages[row], usedPages[row], input.pagesPerBlock),
    since: since[row] < 0 ? NOT_SHARED : sinceText(input, since[row], frame),
    pins: pinTexts(input, shown, row),
  };
}

function factsAtBoot({ pagesPerBlock }: InputHistory, look: Look) {
  if (kindOf(look) === 'hole') {
    const none = 'none';
    return { state: 'no memory at this address', mapping: none, pages: none, since: none, pins: [none] };
  }
  return {
    state: STATE_WORDS.private.text,
    mapping: MAPPING_WORDS[kindOf(look) === 'boot' ? 'boot' : 'large'].text,
    pages: pagesText(0, 0, pagesPerBlock),
    since: NOT_SHARED,
    pins: [PINNED_BY_NOTHING],
  };
}

const pagesText = (shared: number, used: number, all: number): string =>
  `${count(shared)} shared, ${count(used)} used, of ${count(all)}`;

function sinceText(input: InputHistory, since: number, frame: number): string {
  const time = timesOf(input);
  return `${time(since)}, for ${time(Math.max(0, input.frames.times[frame] - since))}`;
}

const NOT_SHARED = 'no page is shared';
const PINNED_BY_NOTHING = 'nothing: it holds no allocation or slab';

function pinTexts(input: InputHistory, { run }: RunLooks, row: number): string[] {
  const { pinStart, pinOwner, pinPages, pinSince, morePins } = run.blocks;
  const time = timesOf(input);
  const first = pinStart[row];
  const pins = pinOwner.slice(first, pinStart[row + 1]).map((owner, pin) => {
    const pages = countText(pinPages[first + pin], 'page');
    return `${printable(run.owners[owner])}: ${pages}, since ${time(pinSince[first + pin])}`;
  });
  if (pins.length === 0) return [PINNED_BY_NOTHING];
  return morePins[row] === 0 ? pins : [...pins, `and ${countText(morePins[row], 'more owner')}`];
}

/** The command that prints all events of a block, for a shell: command, log and option. */
export function explainCommand(folder: string, log: string, block: number): string[] {
  return ['decpool explain', shellWord(printable(`${folder}/${log}`)), `--block ${block}`];
}

export const TABLE_ROWS = 200;

/** The blocks that are not private at the frame, by address: the first as rows of a table, and their number. */
export function sharedBlocks(
  { run, rows: index }: RunLooks,
  frame: number,
): { readonly rows: readonly (readonly string[])[]; readonly all: number } {
  const { block, state, mapping, sharedPages, usedPages, pinStart, pinOwner, morePins } = run.blocks;
  const shared = index.rowsAt(frame).filter((row) => BLOCK_STATES[state[row]] !== 'private');
  const rows = shared.slice(0, TABLE_ROWS).map((row) => {
    const owners = pinOwner
      .slice(pinStart[row], pinStart[row + 1])
      .map((owner) => printable(run.owners[owner]));
    const more = morePins[row] === 0 ? [] : [`${count(morePins[row])} more`];
    return [
      String(block[row]),
      STATE_WORDS[BLOCK_STATES[state[row]]].short,
      MAPPING_WORDS[BLOCK_MAPPINGS[mapping[row]]].short,
      count(sharedPages[row]),
      count(usedPages[row]),
      [...owners, ...more].join(', ') || 'nothing',
    ];
  });
  return { rows, all: shared.length };
}

/** The map's name for a screen reader; the legend has the number of blocks of each kind. */
export const mapLabel = (policy: string, input: InputHistory, blockBytes: number): string =>
  `Memory map of ${printable(shortPolicyName(policy))}: ${count(input.blocks)} blocks of ${addressText(blockBytes)}`;

export const moreBlocksText = (more: number): string => `and ${countText(more, 'more shared block')}`;
