/** The requests that a log holds, as they were made. */
import { columnsOf, type EventBatch } from '../events/batch.ts';
import { SKIPPED, TYPE } from '../events/schema.ts';
import { MIGRATETYPES } from '../migratetypes.ts';
import { ANY_NODE, APIS, alignOf, GFP_KERNEL, gfpOf, nodeOf, type Request } from '../requests.ts';
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
        return { kind: 'free', time, allocation, ...flags(batch.pfnAt(row)) };
      case TYPE.userMapped:
        return { kind: 'map-user', time, allocation };
      case TYPE.userUnmapped:
        return { kind: 'unmap-user', time, allocation };
      case TYPE.backgroundAllocated:
        return this.#backgroundAllocate(batch, row, this.#held, batch.pfnAt(row));
      case TYPE.backgroundFailed:
        return this.#backgroundAllocate(batch, row, this.#refused, allocation);
      case TYPE.backgroundFreed:
        return this.#backgroundFree(time, this.#held, batch.pfnAt(row));
      case TYPE.requestSkipped: {
        const kind = SKIPPED[batch.codeAt(row)];
        if (kind === 'background-free') return this.#backgroundFree(time, this.#refused, allocation);
        return kind === 'free'
          ? { kind, time, allocation, ...flags(batch.pfnAt(row)) }
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
      ...flags(gfpOf(attributes)),
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
      migratetype: MIGRATETYPES[batch.codeAt(row)],
    };
  }

  /** Key 0: a chunk that was never requested. */
  #backgroundFree(time: Nanoseconds, keys: Map<number, number>, name: number): Request {
    const key = keys.get(name) ?? 0;
    keys.delete(name);
    return { kind: 'background-free', time, key };
  }
}

const flags = (gfp: number) => (gfp === GFP_KERNEL ? {} : { gfp });
