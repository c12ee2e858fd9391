/** For specs: a bucket in memory, and cells by hand. */
import { type AllocateRequest, allocationId, nanoseconds, platformNamed } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import type { ObjectInfo } from '@nats-io/obj';
import { packRequests } from '../../workloads/request-columns.ts';
import { packState } from '../packed-state.ts';
import type { Cell, SweepInput, SweepMemory, SweepPolicy } from '../plan.ts';
import { OUTLINE } from '../testing-cells.ts';

/** Objects by their names; it writes down which it is asked for. */
export class Bucket {
  readonly objects = new Map<string, Uint8Array>();
  /** The server still tells the size of what was removed. */
  readonly removed = new Set<string>();
  readonly read: string[] = [];
  readonly written: string[] = [];

  info(name: string): Promise<ObjectInfo | null> {
    const bytes = this.objects.get(name);
    return Promise.resolve(
      bytes === undefined ? null : { ...infoOf(name, bytes.length), deleted: this.removed.has(name) },
    );
  }

  getBlob(name: string): Promise<Uint8Array | null> {
    this.read.push(name);
    return Promise.resolve(this.objects.get(name) ?? null);
  }

  putBlob({ name }: { readonly name: string }, bytes: Uint8Array | null): Promise<ObjectInfo> {
    this.written.push(name);
    this.removed.delete(name);
    this.objects.set(name, bytes ?? new Uint8Array());
    return Promise.resolve(infoOf(name, bytes?.length ?? 0));
  }
}

const infoOf = (name: string, size: number): ObjectInfo => ({
  ...{ name, size, bucket: 'bucket', nuid: 'nuid', chunks: 1, digest: '', mtime: '' },
  ...{ deleted: false, revision: 1, isLink: () => false },
});

const request = (id: number, pages: number): AllocateRequest => ({
  ...{ kind: 'allocate', time: nanoseconds(10 * id), allocation: allocationId(id), api: 'alloc_pages' },
  ...{ pages, bytes: 4096 * pages, owner: `owner ${id}` },
});

export const INPUT: SweepInput = {
  facts: OUTLINE.inputs[0],
  lowerBounds: { blocksPeak: 2, blockNs: 2n ** 60n + 1n },
  // A 10 among the bytes of their columns ends no line.
  requests: packRequests([10, 2, 3].map((pages, index) => request(index + 1, pages))),
};

const STATE = freshBoot(64 * 2 ** 20);
const MEMORY: SweepMemory = { name: '64M', state: STATE, packed: packState(STATE), notes: [] };

/** A policy of the registry. */
export const POLICY: SweepPolicy = { name: 'linux-7.3', source: 'linux-7.3', given: 'linux-7.3' };

/** So many, by their seeds from 1. */
export const cells = (count: number, changes: Partial<Cell> = {}): Cell[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ key: `cell ${index + 1}`, input: INPUT, memory: MEMORY, platform: platformNamed('snp') },
    ...{ policy: POLICY, seed: index + 1, settings: { isSwiotlbDynamic: false } },
    ...changes,
  }));
