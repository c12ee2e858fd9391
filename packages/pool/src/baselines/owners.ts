/** Which kernel code a request comes from, by its owner's name. */
import type { AllocateRequest } from '@decpool/model';

/** Receive and send buffer of a Hyper-V network adapter: netvsc_init_buf(), drivers/net/hyperv/netvsc.c. */
export const isNetvscBuffer = (owner: string): boolean => /^netvsc .*(recv|send)_buf$/.test(owner);

/** Chunk of a buffer of the dma-buf heap system_cc_shared: system_heap_allocate(), drivers/dma-buf/heaps/system_heap.c. */
export const isHeapChunk = ({ api, owner }: AllocateRequest): boolean =>
  api === 'alloc_pages' && owner.startsWith('system_cc_shared ');

/** Interrupt translation table of a PCI function: its_create_device(), drivers/irqchip/irq-gic-v3-its.c. */
export const isItt = (owner: string): boolean => / ITT\b/.test(owner);

/** List of pages of an NVMe I/O, from a dma_pool: nvme_setup_prp_pools(), drivers/nvme/host/pci.c. */
export const isNvmeDescriptor = (owner: string): boolean => /^nvme.* descriptor$/.test(owner);

/**
 * Whether a driver has its device keep the offset in the page of what it maps: dma_set_min_align_mask() in nvme_pci_alloc_dev()
 * (drivers/nvme/host/pci.c), netvsc_probe() and storvsc_probe().
 */
export const keepsPageOffset = (owner: string): boolean => /^(nvme|netvsc|storvsc)/.test(owner);

/** Whether the memory comes through dma_direct_alloc(), by itself or for a dma_pool (mm/dmapool.c). */
export const isCoherent = ({ api, owner }: AllocateRequest): boolean =>
  api === 'dma_alloc_coherent' || isNvmeDescriptor(owner);
