/** The request sequence of a `freelists v1` file: what was asked of the page allocator after the dump, with the pages that the kernel gave. */

import type { Migratetype } from '@decpool/model';
import type { ExactZone } from '@decpool/model/internal';
import type { FreelistsLine } from './freelists-line.ts';

/** Splits of the direct map that a conversion made, as the kernel counted them. */
export interface RecordedSplits {
  readonly splits2M: number;
  readonly splits1G: number;
}

interface Chunk {
  readonly order: number;
  readonly pfn: number;
}

interface OnCpu {
  readonly cpu: number;
  readonly task: string;
}

/** One line of the sequence. */
export type FreelistsStep = { readonly line: number } & (
  | (Chunk & {
      /** A request of the sequence itself. pfn 0: the kernel had no chunk. */
      readonly kind: 'allocate';
      readonly id: number;
      /** If the pages were decrypted. */
      readonly splits?: RecordedSplits;
    })
  | {
      readonly kind: 'free';
      readonly id: number;
      /** If the pages were encrypted before. */
      readonly splits?: RecordedSplits;
    }
  /** The sequence goes on on another CPU. */
  | { readonly kind: 'cpu'; readonly cpu: number }
  /** Requests of others. */
  | (Chunk &
      OnCpu & { readonly kind: 'allocate-other'; readonly type: Migratetype; readonly gfpFlags: string })
  | (Chunk & OnCpu & { readonly kind: 'free-other' })
  /** A page went from a CPU's lists to the zone's. */
  | (Chunk & OnCpu & { readonly kind: 'drain' })
  /** alloc_pages_bulk(): pages without an event of their own. */
  | (OnCpu & { readonly kind: 'bulk'; readonly pages: number })
  /** Chunks left the zone's lists, in the order of the zone's lock. */
  | (Chunk & OnCpu & { readonly kind: 'refill'; readonly type: Migratetype })
  | { readonly kind: 'kswapd'; readonly isAwake: boolean }
  /** A counter of /proc/vmstat around the sequence. */
  | { readonly kind: 'counter'; readonly name: string; readonly before: number; readonly after: number }
);

/** Reads the steps line by line. Errors name file and line. */
export class StepReader {
  readonly #cpus: number;
  readonly #zones: readonly Pick<ExactZone, 'start' | 'end'>[];
  /** Chunks of the sequence that are not freed yet, and whether the kernel had one. */
  readonly #isHeld = new Map<number, boolean>();

  constructor(cpus: number, zones: readonly Pick<ExactZone, 'start' | 'end'>[]) {
    this.#cpus = cpus;
    this.#zones = zones;
  }

  read(line: FreelistsLine): FreelistsStep {
    const at = { line: line.number };
    switch (line.kind) {
      case 'a':
        return { ...at, kind: 'allocate', ...this.#allocation(line.as('a id order pfn [l2 l3]')) };
      case 'f':
        return { ...at, kind: 'free', ...this.#freed(line.as('f id [l2 l3]')) };
      case 'c':
        return { ...at, kind: 'cpu', cpu: this.#cpu(line.as('c cpu')) };
      case 'xa': {
        line.as('xa order pfn type cpu task gfp_flags...');
        const [type, gfpFlags] = [line.type(), line.last()];
        return {
          ...at,
          kind: 'allocate-other',
          ...this.#chunk(line),
          type,
          ...this.#onCpu(line, 1),
          gfpFlags,
        };
      }
      case 'xf':
        return {
          ...at,
          kind: 'free-other',
          ...this.#chunk(line.as('xf order pfn cpu task...')),
          ...this.#onCpu(line),
        };
      case 'xd':
        return {
          ...at,
          kind: 'drain',
          ...this.#chunk(line.as('xd order pfn cpu task...')),
          ...this.#onCpu(line),
        };
      case 'xn':
        return { ...at, kind: 'bulk', pages: line.as('xn n cpu task...').whole('n'), ...this.#onCpu(line) };
      case 'xr': {
        line.as('xr order pfn type cpu task...');
        return { ...at, kind: 'refill', ...this.#chunk(line), type: line.type(), ...this.#onCpu(line) };
      }
      case 'xk': {
        const state = line.as('xk wake|sleep').last();
        if (state !== 'wake' && state !== 'sleep') line.fail(`'${state}'`, "'xk wake' or 'xk sleep'");
        return { ...at, kind: 'kswapd', isAwake: state === 'wake' };
      }
      case 'V': {
        line.as('V name before after');
        const [before, after] = [line.whole('before'), line.whole('after')];
        return { ...at, kind: 'counter', name: line.text('name'), before, after };
      }
      default:
        return line.fail(`'${line.kind}'`, 'Z, Q, B, M, L, P, a, f, c, xa, xf, xd, xn, xr, xk, V or end');
    }
  }

  #cpu(line: FreelistsLine): number {
    return line.whole('cpu', this.#cpus);
  }

  #onCpu(line: FreelistsLine, without = 0): OnCpu {
    return { cpu: this.#cpu(line), task: line.rest('task', without) };
  }

  #chunk(line: FreelistsLine): Chunk {
    const [order, pfn] = [line.order(), line.whole('pfn')];
    const end = pfn + (1 << order);
    if (pfn % (1 << order) === 0 && this.#zones.some((zone) => pfn >= zone.start && end <= zone.end)) {
      return { order, pfn };
    }
    return line.fail(`pfn ${pfn}`, `the first page of a chunk of order ${order} in a zone`);
  }

  #allocation(line: FreelistsLine): Chunk & { id: number; splits?: RecordedSplits } {
    const id = line.whole('id');
    if (this.#isHeld.get(id) === true) line.fail(`chunk ${id} is allocated a second time`, 'a free before');
    const hasFailed = line.whole('pfn') === 0;
    this.#isHeld.set(id, !hasFailed);
    const chunk = hasFailed ? { order: line.order(), pfn: 0 } : this.#chunk(line);
    return { id, ...chunk, ...splitsOf(line) };
  }

  #freed(line: FreelistsLine): { id: number; splits?: RecordedSplits } {
    const id = line.whole('id');
    if (!this.#isHeld.delete(id)) line.fail(`chunk ${id} is not allocated`, 'an allocation before');
    return { id, ...splitsOf(line) };
  }
}

const splitsOf = (line: FreelistsLine): { splits?: RecordedSplits } =>
  line.has('l2') ? { splits: { splits2M: line.whole('l2'), splits1G: line.whole('l3') } } : {};
