/** How blocks changed, while it is being recorded: rows by frame, as they come. */
import { mergedFrame } from './frames.ts';
import type { BlockChanges } from './types.ts';

/** What makes a row another than the one before. */
const COMPARED = ['state', 'mapping', 'sharedPages', 'usedPages', 'since', 'morePins'] as const;
const PLAIN = ['block', 'frame', ...COMPARED] as const;
const PINS = ['pinOwner', 'pinPages', 'pinSince'] as const;

/** What a block is; the names are those of BlockChanges. */
type BlockRow = { [Name in (typeof PLAIN)[number]]: number } & {
  [Name in (typeof PINS)[number]]: readonly number[];
};

const emptyColumns = () =>
  Object.fromEntries<number[]>([...PLAIN.map(noValues), ...PINS.map(noValues), ['pinStart', [0]]]) as {
    -readonly [Name in keyof BlockChanges]: number[];
  };
const noValues = (name: string): [string, number[]] => [name, []];

export class ChangeRows {
  readonly #columns = emptyColumns();
  /** Mapping of each block at boot, as an index of BLOCK_MAPPINGS. */
  readonly #atBoot: Uint8Array;
  /** Last row of each block, and 1 more. */
  readonly #last: Int32Array;

  constructor(atBoot: Uint8Array) {
    this.#atBoot = atBoot;
    this.#last = new Int32Array(atBoot.length);
  }

  get size(): number {
    return this.#columns.block.length + this.#columns.pinOwner.length;
  }

  /** Adds a row unless the block is what it was. The frames of a block's rows ascend. */
  add(row: BlockRow): void {
    const last = this.#last[row.block] - 1;
    if (last < 0 ? this.#isAsAtBoot(row) : this.#isSame(row, last)) return;
    for (const name of PLAIN) this.#columns[name].push(row[name]);
    for (const name of PINS) this.#columns[name].push(...row[name]);
    this.#columns.pinStart.push(this.#columns.pinOwner.length);
    this.#last[row.block] = this.#columns.block.length;
  }

  #isAsAtBoot({ block, state, mapping, usedPages, since }: BlockRow): boolean {
    return state === 0 && mapping === this.#atBoot[block] && usedPages === 0 && since === -1;
  }

  #isSame(row: BlockRow, last: number): boolean {
    const columns = this.#columns;
    if (COMPARED.some((name) => columns[name][last] !== row[name])) return false;
    const start = columns.pinStart[last];
    if (columns.pinStart[last + 1] - start !== row.pinOwner.length) return false;
    return PINS.every((name) => row[name].every((value, pin) => columns[name][start + pin] === value));
  }

  /** The same with half the frames: of two rows of a block in frames that become one, the later stands. */
  coarser(): ChangeRows {
    const { block, frame } = this.#columns;
    const stands = new Uint8Array(block.length);
    const frameBehind = new Int32Array(this.#atBoot.length).fill(-1);
    for (let row = block.length - 1; row >= 0; row--) {
      const merged = mergedFrame(frame[row]);
      stands[row] = Number(frameBehind[block[row]] !== merged);
      frameBehind[block[row]] = merged;
    }
    const coarser = new ChangeRows(this.#atBoot);
    for (let row = 0; row < block.length; row++) {
      if (stands[row] === 1) coarser.add({ ...this.#rowAt(row), frame: mergedFrame(frame[row]) });
    }
    return coarser;
  }

  #rowAt(row: number): BlockRow {
    const columns = this.#columns;
    const [from, to] = [columns.pinStart[row], columns.pinStart[row + 1]];
    const values: Partial<BlockRow> = {};
    for (const name of PLAIN) values[name] = columns[name][row];
    for (const name of PINS) values[name] = columns[name].slice(from, to);
    return values as BlockRow;
  }

  byBlock(): BlockChanges {
    const { block } = this.#columns;
    const order = Uint32Array.from(block.keys()).sort((a, b) => block[a] - block[b] || a - b);
    const sorted = new ChangeRows(this.#atBoot);
    for (const row of order) sorted.add(this.#rowAt(row));
    return sorted.#columns;
  }
}
