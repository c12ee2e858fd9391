/**
 * dma:dma_alloc and dma:dma_free (include/trace/events/dma.h, since Linux 6.12), and the same of dma_alloc_pages() and
 * dma_alloc_noncontiguous() (sgt): buffers of devices with their exact size. An allocation and its free are paired by
 * device and DMA address, because the virtual address is a hash.
 */
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import type { TraceRequests } from '../trace-requests.ts';
import {
  bytesOf,
  type DmaTarget,
  dmaTargetOf,
  EXPECTED_DMA_TARGET,
  fieldOf,
  isNull,
} from './event-fields.ts';
import { type EventFamily, fieldHandler } from './event-reader.ts';
import { parseGfp } from './gfp-flags.ts';

const keyOf = ({ device, address }: DmaTarget): string => `coherent ${device} ${address}`;

export function dmaEvents(into: TraceRequests): EventFamily {
  const allocated = fieldHandler(
    EXPECTED_DMA_TARGET,
    { target: dmaTargetOf, bytes: (fields) => bytesOf(fieldOf(fields, 'size')) },
    ({ target, bytes }, { at, fields }) => {
      if (isNull(fieldOf(fields, 'virt_addr'))) into.failed();
      else {
        into.allocate(keyOf(target), at, {
          api: 'dma_alloc_coherent',
          pages: pagesFor(bytes, PAGE_SHIFT),
          bytes,
          owner: target.device,
          gfp: parseGfp(fieldOf(fields, 'flags') ?? 'none').flags,
        });
      }
    },
  );
  const freed = fieldHandler(
    EXPECTED_DMA_TARGET,
    { target: dmaTargetOf },
    ({ target }, { event, at, fields }) => {
      // dma_free_attrs() traces before it checks its pointer (kernel/dma/mapping.c).
      if (isNull(fieldOf(fields, 'virt_addr'))) into.ignore(`${event} of NULL`);
      else into.free(keyOf(target), at);
    },
  );
  return {
    handlers: {
      dma_alloc: allocated,
      dma_alloc_pages: allocated,
      dma_alloc_sgt: allocated,
      // Its virt_addr is always NULL.
      dma_alloc_sgt_err: allocated,
      dma_free: freed,
      dma_free_pages: freed,
      dma_free_sgt: freed,
    },
  };
}
