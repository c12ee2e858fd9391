/** Small pools in which drivers pack objects into shared pages, as slab caches. Here they never give pages back. */
import { type AllocateRequest, PAGE_SIZE, type Platform } from '@decpool/model';
import type { SlabCache } from '../slab/slab-cache.ts';
import { isItt, isNvmeDescriptor } from './owners.ts';

/** ITS_ITT_ALIGN, drivers/irqchip/irq-gic-v3-its.c, bytes: the least table. */
const ITT_UNIT_BYTES = 256;
/** prp_small_pool and prp_page_pool, drivers/nvme/host/pci.c, bytes of a list. */
const PRP_LIST_BYTES = [256, PAGE_SIZE];

/** The pool that a request is served from; undefined for what takes pages of its own. */
export function driverPoolFor(request: AllocateRequest, platform: Platform): SlabCache | undefined {
  const { owner, bytes } = request;
  // itt_alloc_pool(): a gen_pool, grown page by page; tables of a page or more take pages of their own.
  if (isItt(owner)) return bytes < PAGE_SIZE ? poolOf('its-itt-pool', ITT_UNIT_BYTES, platform) : undefined;
  if (!isNvmeDescriptor(owner)) return undefined;
  const unit = PRP_LIST_BYTES.find((size) => size >= bytes);
  if (unit === undefined) return undefined;
  return poolOf(unit === PAGE_SIZE ? 'prp list page' : `prp list ${unit}`, unit, platform);
}

function poolOf(name: string, unitBytes: number, platform: Platform): SlabCache {
  return { name, unitBytes, pages: platform.granulePages, keepsEmpty: true, grows: true, alignment: 'unit' };
}
