/**
 * swiotlb:swiotlb_bounced (include/trace/events/swiotlb.h): a streaming mapping goes through a bounce buffer.
 *
 * No event records when the buffer is released, so a mapping is assumed to last a fixed time. If the file also has
 * dma:dma_map_phys and dma:dma_unmap_phys (include/trace/events/dma.h; dma_map_page before Linux 6.18), they record
 * the end: the next dma_map of the same task and device is the mapping that bounced, and its unmap has the same address.
 */
import { GFP, InputError } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import type { Wanted } from '../../workloads/request-list.ts';
import type { ImportOptions } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { bytesOf, type DmaTarget, dmaTargetOf, EXPECTED_DMA_TARGET, fieldOf } from './event-fields.ts';
import { type EventFamily, fieldHandler } from './event-reader.ts';
import type { Timestamp } from './timestamps.ts';

/** Default lifetime of a mapping, in ns: the time of one I/O of a fast disk. This is an assumption. */
export const MAPPING_LIFETIME = 100_000;

const keyOf = ({ device, address }: DmaTarget): string => `mapping ${device} ${address}`;

/** Throws InputError for a lifetime that is no whole number of ns. */
export function swiotlbEvents(
  into: TraceRequests,
  { mappingLifetime: lifetime = MAPPING_LIFETIME }: ImportOptions,
): EventFamily {
  if (!Number.isSafeInteger(lifetime) || lifetime < 0) {
    throw new InputError(`a streaming mapping cannot last ${lifetime} ns; expected a whole number from 0`);
  }
  /** Whether the file has dma_map events: true from the first of them on. */
  let hasMaps = false;
  /** By task: what bounced, until its dma_map event. Empty if the file has none. */
  const bounced = new Map<string, Wanted>();
  /** Keys of the mappings that bounced and are not unmapped. */
  const mapped = new Set<string>();
  let withoutEnd = 0;

  function allocateWithoutEnd(wanted: Wanted, at: Timestamp): void {
    withoutEnd++;
    into.allocateFor(lifetime, at, wanted);
  }

  const readers = { target: dmaTargetOf };
  const map = fieldHandler(EXPECTED_DMA_TARGET, readers, ({ target }, { task, event, at }) => {
    hasMaps = true;
    const wanted = bounced.get(task);
    if (wanted?.owner !== target.device) return into.ignore(event);
    bounced.delete(task);
    into.ignore('swiotlb_bounced (its dma_map event is the request)');
    into.allocate(keyOf(target), at, wanted);
    mapped.add(keyOf(target));
  });
  const unmap = fieldHandler(EXPECTED_DMA_TARGET, readers, ({ target }, { event, at }) => {
    if (mapped.delete(keyOf(target))) into.free(keyOf(target), at);
    else into.ignore(event);
  });

  return {
    handlers: {
      swiotlb_bounced: fieldHandler(
        'dev_name: DEVICE dma_mask=HEX dev_addr=HEX size=BYTES',
        {
          owner: (fields) => /^dev_name: (\S+) /.exec(fields)?.[1],
          bytes: (fields) => bytesOf(fieldOf(fields, 'size')),
        },
        ({ owner, bytes }, { task, at }) => {
          // Drivers map in any context, so a mapping may not sleep (Documentation/core-api/dma-api-howto.rst).
          const gfp = GFP.GFP_ATOMIC;
          const wanted: Wanted = { api: 'dma_map', pages: pagesFor(bytes, PAGE_SHIFT), bytes, owner, gfp };
          const older = hasMaps ? bounced.get(task) : wanted;
          if (older !== undefined) allocateWithoutEnd(older, at);
          if (hasMaps) bounced.set(task, wanted);
        },
      ),
      dma_map_phys: map,
      dma_map_page: map,
      dma_unmap_phys: unmap,
      dma_unmap_page: unmap,
    },
    end(last) {
      for (const wanted of bounced.values()) allocateWithoutEnd(wanted, last);
      if (withoutEnd === 0) return;
      into.note(
        `The trace does not record the end of ${withoutEnd} streaming mappings. Each is assumed to last ${lifetime / 1000} us.`,
      );
    },
  };
}
