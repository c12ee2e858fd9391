/** The requests that a log holds, as they were made. */
import { columnsOf, type EventBatch } from '../events/batch.ts';
import { HAS_CPU, SKIPPED, TYPE } from '../events/schema.ts';
import { MIGRATETYPES } from '../migratetypes.ts';
import { ANY_NODE, APIS, alignOf, cpuOf, GFP_KERNEL, gfpOf, nodeOf, type Request } from '../requests.ts';
import { type AllocationId, type Nanoseconds, orderFor } from '../units.ts';
import { IS_NUMBERED_REQUEST } from './event-sets.ts';

/** A request, and the number of its event. */
export interface LoggedRequest {
  readonly request: Request;
  readonly seq: number;
  /** Number of the request; requests of other page users and skipped ones have none. */
  readonly number: number | undefined;
}

/** Reads the requests out of a log's batches, which it must be given in order. */
export class RequestsInLog {
  readonly #owners: string[] = [];
  /** Keys of background chunks: those held by first page, and those refused by number. */
  readonly #held = new Map<number, number>();
  readonly #refused = new Map<number, number>();
  #lastKey = 0;

  /** The requests of the next batch, in order. */
  *in(batch: EventBatch): Generator<LoggedRequest> {
    const { names } = columnsOf(batch);
    for (let row = 0; row < batch.length; row++) {
      if (batch.typeAt(row) === TYPE.ownerRegistered) this.#owners.push(names.get(row) ?? '');
      const request = this.#requestAt(batch, row);
      if (request === undefined) continue;
      const number = IS_NUMBERED_REQUEST[batch.typeAt(row)] ? batch.requestAt(row) : undefined;
      yield { request, seq: batch.firstSeq + row, number };
    }
  }

  #requestAt(batch: EventBatch, row: number): Request | undefined {
    const time = batch.timeAt(row) as Nanoseconds;
    const allocation = batch.allocationAt(row) as AllocationId;
    switch (batch.typeAt(row)) {
      case TYPE.allocationRequested:
        return this.#allocate(batch, row);
      case TYPE.freeRequested:
        return { kind: 'free', time, allocation, ...context(batch.pfnAt(row)) };
      case TYPE.userMapped:
        return { kind: 'map-user', time, allocation };
      case TYPE.userUnmapped:
        return { kind: 'unmap-user', time, allocation };
      case TYPE.backgroundAllocated:
        return this.#backgroundAllocate(batch, row, this.#held, batch.pfnAt(row));
      case TYPE.backgroundFailed:
        return this.#backgroundAllocate(batch, row, this.#refused, allocation);
      case TYPE.backgroundFreed:
        return this.#backgroundFree(batch, row, this.#held, batch.pfnAt(row), cpuBeside(batch, row));
      case TYPE.requestSkipped: {
        const kind = SKIPPED[batch.codeAt(row)];
        if (kind === 'background-free') {
          return this.#backgroundFree(batch, row, this.#refused, allocation, cpuOf(batch.pfnAt(row)));
        }
        return kind === 'free'
          ? { kind, time, allocation, ...context(batch.pfnAt(row)) }
          : { kind, time, allocation };
      }
      default:
        return undefined;
    }
  }

  #allocate(batch: EventBatch, row: number): Request {
    const attributes = batch.pfnAt(row);
    const [node, align] = [nodeOf(attributes), alignOf(attributes)];
    return {
      kind: 'allocate',
      time: batch.timeAt(row) as Nanoseconds,
      allocation: batch.allocationAt(row) as AllocationId,
      api: APIS[batch.codeAt(row)],
      pages: batch.pagesAt(row),
      bytes: batch.bytesAt(row),
      owner: this.#owners[batch.ownerAt(row)] ?? '',
      ...context(attributes),
      ...(node === ANY_NODE ? {} : { node }),
      ...(align === 1 ? {} : { align }),
    };
  }

  #backgroundAllocate(batch: EventBatch, row: number, keys: Map<number, number>, name: number): Request {
    const key = ++this.#lastKey;
    keys.set(name, key);
    return {
      kind: 'background-allocate',
      time: batch.timeAt(row) as Nanoseconds,
      key,
      order: orderFor(batch.pagesAt(row)),
      migratetype: MIGRATETYPES[batch.codeAt(row) & ~HAS_CPU],
      ...onCpu(cpuBeside(batch, row)),
    };
  }

  /** Key 0: a chunk that was never requested. */
  #backgroundFree(
    batch: EventBatch,
    row: number,
    keys: Map<number, number>,
    name: number,
    cpu: number,
  ): Request {
    const key = keys.get(name) ?? 0;
    keys.delete(name);
    return { kind: 'background-free', time: batch.timeAt(row) as Nanoseconds, key, ...onCpu(cpu) };
  }
}

/** CPU 0 is left out. */
const onCpu = (cpu: number) => (cpu === 0 ? {} : { cpu });
/** Of a background request, which has its CPU in a column of its own. */
const cpuBeside = (batch: EventBatch, row: number) =>
  (batch.codeAt(row) & HAS_CPU) === 0 ? 0 : batch.ownerAt(row);

/** Flags and CPU of who asks or frees. */
const context = (attributes: number) => ({
  ...(gfpOf(attributes) === GFP_KERNEL ? {} : { gfp: gfpOf(attributes) }),
  ...onCpu(cpuOf(attributes)),
});
