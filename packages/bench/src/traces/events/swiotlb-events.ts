/**
 * swiotlb:swiotlb_bounced (include/trace/events/swiotlb.h): a streaming mapping goes through a bounce buffer.
 *
 * No event records when the buffer is released. If the file also has the mappings of the DMA layer and their ends
 * (include/trace/events/dma.h: dma_map_phys, dma_map_page before Linux 6.18, dma_map_sg), they tell: the next mapping of
 * the same device and physical address is the one that bounced, and its unmap is the release. Otherwise a buffer is
 * assumed to last a fixed time.
 */
import { GFP, InputError } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { flatCopy } from '../../text/flat-copy.ts';
import type { ImportOptions } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import {
  addressesOf,
  addressOf,
  bytesOf,
  type DmaTarget,
  dmaTargetOf,
  EXPECTED_DMA_TARGET,
  fieldOf,
} from './event-fields.ts';
import { type EventFamily, fieldHandler } from './event-reader.ts';

/** Default lifetime of a mapping, in ns: the time of one I/O of a fast disk. This is an assumption. */
export const MAPPING_LIFETIME = 100_000;

const keyOf = (device: string, address: string): string => `mapping ${device} ${address}`;
const keyOfTarget = ({ device, address }: DmaTarget): string => keyOf(device, address);

/** Throws InputError for a lifetime that is no whole number of ns. */
export function swiotlbEvents(
  into: TraceRequests,
  { mappingLifetime: lifetime = MAPPING_LIFETIME }: ImportOptions,
): EventFamily {
  if (!Number.isSafeInteger(lifetime) || lifetime < 0) {
    throw new InputError(`a streaming mapping cannot last ${lifetime} ns; expected a whole number from 0`);
  }
  let bounces = 0;
  /** By device and physical address: the bounce whose mapping is not seen yet. */
  const bounced = new Map<string, string>();
  /** By device and DMA address: the bounce behind a mapping. */
  const mapped = new Map<string, string>();
  /** By device and first physical address: the bounces behind mappings of scatterlists, the oldest first. */
  const mappedLists = new Map<string, string[][]>();
  let withoutEnd = 0;

  function assumeEnd(bounce: string): void {
    withoutEnd++;
    into.assumeFree(bounce, lifetime);
  }

  /** The bounce of a mapping, which is known by now. */
  function take(device: string, address: string | undefined): string | undefined {
    if (address === undefined) return undefined;
    const bounce = bounced.get(keyOf(device, address));
    bounced.delete(keyOf(device, address));
    return bounce;
  }

  const map = fieldHandler(
    EXPECTED_DMA_TARGET,
    { target: dmaTargetOf },
    ({ target }, { event, at, fields }) => {
      into.ignore(event);
      const key = keyOfTarget(target);
      const bounce = take(target.device, addressOf(fieldOf(fields, 'phys_addr')));
      const before = mapped.get(key);
      if (before !== undefined) {
        // Another buffer has the address by now: the unmap of the one before is lost.
        into.missedFree(before, at);
        mapped.delete(key);
      }
      if (bounce !== undefined) mapped.set(flatCopy(key), bounce);
    },
  );
  const unmap = fieldHandler(EXPECTED_DMA_TARGET, { target: dmaTargetOf }, ({ target }, { event, at }) => {
    const bounce = mapped.get(keyOfTarget(target));
    mapped.delete(keyOfTarget(target));
    if (bounce === undefined) into.ignore(event);
    else into.free(bounce, at);
  });

  const EXPECTED_LIST = 'DEVICE phys_addrs={HEX,...}';
  const list = {
    device: (fields: string) => /^([^\s=]+) /.exec(fields)?.[1],
    addresses: (fields: string) => addressesOf(fields, 'phys_addrs'),
  };
  return {
    handlers: {
      swiotlb_bounced: fieldHandler(
        'dev_name: DEVICE dma_mask=HEX dev_addr=HEX size=BYTES',
        {
          owner: (fields) => /^dev_name: (\S+) /.exec(fields)?.[1],
          address: (fields) => addressOf(fieldOf(fields, 'dev_addr')),
          bytes: (fields) => bytesOf(fieldOf(fields, 'size')),
        },
        ({ owner, address, bytes }, { at }) => {
          const lost = take(owner, address);
          if (lost !== undefined) assumeEnd(lost);
          const bounce = `bounce ${++bounces}`;
          bounced.set(flatCopy(keyOf(owner, address)), bounce);
          // Drivers map in any context, so a mapping may not sleep (Documentation/core-api/dma-api-howto.rst).
          const gfp = GFP.GFP_ATOMIC;
          into.allocate(bounce, at, {
            api: 'dma_map',
            pages: pagesFor(bytes, PAGE_SHIFT),
            bytes,
            owner,
            gfp,
          });
        },
      ),
      dma_map_phys: map,
      dma_map_page: map,
      dma_unmap_phys: unmap,
      dma_unmap_page: unmap,
      dma_map_sg: fieldHandler(EXPECTED_LIST, list, ({ device, addresses }, { event }) => {
        into.ignore(event);
        const found = addresses
          .map((address) => take(device, address))
          .filter((bounce) => bounce !== undefined);
        if (found.length === 0) return;
        const key = keyOf(device, addresses[0]);
        mappedLists.set(flatCopy(key), [...(mappedLists.get(key) ?? []), found]);
      }),
      dma_unmap_sg: fieldHandler(EXPECTED_LIST, list, ({ device, addresses }, { event, at }) => {
        const key = keyOf(device, addresses[0]);
        const [oldest, ...others] = mappedLists.get(key) ?? [];
        if (others.length > 0) mappedLists.set(key, others);
        else mappedLists.delete(key);
        if (oldest === undefined) into.ignore(event);
        else into.freeGroup(oldest, at);
      }),
    },
    end() {
      for (const bounce of bounced.values()) assumeEnd(bounce);
      if (withoutEnd === 0) return;
      into.note(
        `The trace does not record the end of ${withoutEnd} of ${bounces} streaming mappings. Each is assumed to last ${lifetime / 1000} us.`,
      );
    },
  };
}
