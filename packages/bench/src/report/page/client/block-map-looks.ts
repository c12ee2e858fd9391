/** The colour and the mark of a block on the map, as one number: 8,192 of them must compare fast. */
import { BlocksAt } from '../../../history/blocks-at.ts';
import { BLOCK_MAPPINGS, BLOCK_STATES, type InputHistory, type RunHistory } from '../../../history/types.ts';
import { STATE_WORDS } from '../block-words.ts';
import type { MapMemory } from './block-map-layout.ts';

/** The least telling first. If blocks share a cell, it shows the last of their kinds in this list. */
export const KINDS = ['hole', 'private', 'boot', 'split', 'idle', 'used', 'mixed', 'unknown'] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_TEXT: Readonly<Record<Kind, string>> = {
  hole: 'no memory',
  private: 'private, large mapping',
  boot: 'private, 4K mappings since boot',
  split: 'private, split during the run',
  idle: STATE_WORDS.idle.name,
  used: STATE_WORDS.used.name,
  mixed: STATE_WORDS.mixed.text,
  unknown: STATE_WORDS.unknown.name,
};

/** Drawn on top of the colour: how the direct map maps the block. */
const MARKS = ['none', 'boot', 'split'] as const;
export type Mark = (typeof MARKS)[number];

/** Index into KINDS + KINDS.length * index into MARKS. */
export type Look = number;
export const LOOKS = KINDS.length * MARKS.length;

export const lookOf = (kind: Kind, mark: Mark): Look =>
  KINDS.indexOf(kind) + KINDS.length * MARKS.indexOf(mark);
export const kindOf = (look: Look): Kind => KINDS[look % KINDS.length];
export const markOf = (look: Look): Mark => MARKS[Math.floor(look / KINDS.length)];

export function merged(a: Look, b: Look): Look {
  if (a === b) return a;
  const kind = Math.max(a % KINDS.length, b % KINDS.length);
  return kind + Math.max(a - (a % KINDS.length), b - (b % KINDS.length));
}

export const isMoreTelling = (a: Look, b: Look): boolean => a % KINDS.length > b % KINDS.length;

/** By index of state and mapping, in the order of their lists. */
const LOOK_OF: readonly (readonly Look[])[] = BLOCK_STATES.map((state) =>
  BLOCK_MAPPINGS.map((mapping) => {
    if (mapping === 'large') return lookOf(state, 'none');
    return lookOf(state === 'private' ? mapping : state, mapping);
  }),
);

export interface Counts {
  /** By index into KINDS, in blocks. */
  readonly kinds: readonly number[];
  /** Blocks of any kind that were split during the run. */
  readonly split: number;
}

/** The looks of all blocks at boot, when no page is shared. */
export function looksAtBoot({ blocks, ram, boot4K }: InputHistory): Uint8Array {
  const looks = new Uint8Array(blocks).fill(lookOf('hole', 'none'));
  for (const [first, length] of ram) looks.fill(lookOf('private', 'none'), first, first + length);
  for (const [first, length] of boot4K) looks.fill(lookOf('boot', 'boot'), first, first + length);
  return looks;
}

export type RunLooks = ReturnType<typeof runLooks>;

export function runLooks(run: RunHistory, atBoot: Uint8Array) {
  const rows = new BlocksAt(run.blocks);
  const looks = atBoot.slice();
  const { state, mapping } = run.blocks;
  return {
    run,
    rows,
    /** By block, at the frame of the last show(). */
    looks,
    show(frame: number) {
      for (const block of rows.changed) {
        const row = rows.rowAt(block, frame);
        looks[block] = row === -1 ? atBoot[block] : LOOK_OF[state[row]][mapping[row]];
      }
    },
    counts: () => countsOf(looks),
  };
}

function countsOf(looks: Uint8Array): Counts {
  const byLook = new Array<number>(LOOKS).fill(0);
  for (const look of looks) byLook[look]++;
  const sum = (isCounted: (look: Look) => boolean) =>
    byLook.reduce((total, blocks, look) => (isCounted(look) ? total + blocks : total), 0);
  return {
    kinds: KINDS.map((kind) => sum((look) => kindOf(look) === kind)),
    split: sum((look) => markOf(look) === 'split'),
  };
}

/** The memory to lay out. A block counts as touched if any run changed it: all runs have the same layout. */
export function memoryOf({ blocks, ram, runs, pagesPerBlock, pageBytes }: InputHistory): MapMemory {
  const isRam = new Uint8Array(blocks);
  for (const [first, length] of ram) isRam.fill(1, first, first + length);
  const isTouched = new Uint8Array(blocks);
  for (const run of runs) for (const block of run.blocks.block) isTouched[block] = 1;
  return { blocks, blockBytes: pagesPerBlock * pageBytes, isRam, isTouched };
}
