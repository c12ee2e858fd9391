/**
 * swiotlb:swiotlb_bounced (include/trace/events/swiotlb.h): a streaming mapping goes through a bounce buffer.
 *
 * No event records when the buffer is released, so a mapping is assumed to last a fixed time. A file may also have
 * dma:dma_map_phys and dma:dma_unmap_phys (include/trace/events/dma.h; dma_map_page before Linux 6.18). Then the mapping that
 * bounced is the next one of the same task and device, and its unmap has the same address.
 */
import { GFP, InputError, pagesFor } from '@decpool/model';
import type { Wanted } from '../../workloads/request-list.ts';
import { PAGE_SHIFT } from '../../workloads/workload.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { type DmaTarget, dmaTargetOf } from './dma-events.ts';
import { bytesOf, fieldOf } from './event-fields.ts';
import type { Timestamp } from './timestamps.ts';
import type { TracefsEvent } from './tracefs.ts';

/** Default lifetime of a mapping, in ns: the time of one I/O of a fast disk. This is an assumption. */
export const MAPPING_LIFETIME = 100_000;

export class SwiotlbEvents {
  readonly #into: TraceRequests;
  readonly #lifetime: number;
  /** Whether dma_map_phys is recorded: known from the first one on. */
  #mapsAreRecorded = false;
  /** By task: what bounced, until the dma_map_phys that it belongs to. Empty unless those are recorded. */
  readonly #bounced = new Map<string, Wanted>();
  /** Keys of the mappings that bounced and are not unmapped. */
  readonly #mapped = new Set<string>();
  #withoutEnd = 0;

  /** Throws InputError for a lifetime that is no whole number of ns. */
  constructor(into: TraceRequests, lifetime: number) {
    if (!Number.isSafeInteger(lifetime) || lifetime < 0) {
      throw new InputError(`a streaming mapping cannot last ${lifetime} ns; expected a whole number from 0`);
    }
    this.#into = into;
    this.#lifetime = lifetime;
  }

  /** swiotlb_bounced. Returns what its fields should have been, when they are not. */
  bounced({ task, at, fields }: TracefsEvent): string | undefined {
    const device = DEVICE.exec(fields)?.[1];
    const bytes = bytesOf(fieldOf(fields, 'size'));
    if (device === undefined || bytes === undefined) {
      return 'dev_name: DEVICE dma_mask=HEX dev_addr=HEX size=BYTES';
    }
    // Drivers map in any context, so none may sleep (Documentation/core-api/dma-api-howto.rst).
    const gfp = GFP.GFP_ATOMIC;
    const wanted: Wanted = { api: 'dma_map', pages: pagesFor(bytes, PAGE_SHIFT), bytes, owner: device, gfp };
    if (!this.#mapsAreRecorded) {
      this.#endUnknown(wanted, at);
      return;
    }
    const older = this.#bounced.get(task);
    if (older !== undefined) this.#endUnknown(older, at);
    this.#bounced.set(task, wanted);
    return;
  }

  /** dma_map_phys and dma_map_page. Returns what the fields should have been, when they are not. */
  mapped({ task, event, at, fields }: TracefsEvent): string | undefined {
    const target = dmaTargetOf(fields);
    if (target === undefined) return EXPECTED_MAP;
    this.#mapsAreRecorded = true;
    const wanted = this.#bounced.get(task);
    if (wanted === undefined || wanted.owner !== target.device) {
      this.#into.ignore(event);
      return;
    }
    this.#bounced.delete(task);
    this.#into.ignore('swiotlb_bounced (its dma_map event is the request)');
    const key = keyOf(target);
    this.#into.allocate(key, at, wanted);
    this.#mapped.add(key);
    return;
  }

  /** dma_unmap_phys and dma_unmap_page. Returns what the fields should have been, when they are not. */
  unmapped({ event, at, fields }: TracefsEvent): string | undefined {
    const target = dmaTargetOf(fields);
    if (target === undefined) return EXPECTED_MAP;
    const key = keyOf(target);
    if (this.#mapped.delete(key)) this.#into.free(key, at);
    else this.#into.ignore(event);
    return;
  }

  /** `last`: the time of the last event. */
  end(last: Timestamp): void {
    for (const wanted of this.#bounced.values()) this.#endUnknown(wanted, last);
    if (this.#withoutEnd === 0) return;
    this.#into.note(
      `The trace does not record the end of ${this.#withoutEnd} streaming mappings. Each is assumed to last ${this.#lifetime / 1000} us.`,
    );
  }

  #endUnknown(wanted: Wanted, at: Timestamp): void {
    this.#withoutEnd++;
    this.#into.allocateFor(this.#lifetime, at, wanted);
  }
}

const DEVICE = /^dev_name: (\S+) /;

const EXPECTED_MAP = 'DEVICE dma_addr=HEX size=BYTES';

const keyOf = ({ device, address }: DmaTarget): string => `mapping ${device} ${address}`;
