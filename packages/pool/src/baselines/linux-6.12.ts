import { linux } from './linux.ts';

/**
 * Linux 6.12. A network adapter of Hyper-V takes its buffers from vzalloc(), order-0 pages from the bulk allocator
 * (mm/vmalloc.c), and has them converted with one call on the vmalloc address (vmbus_establish_gpadl(), drivers/hv/channel.c):
 * page by page, and on platforms that do not convert such an address, not at all: there the request is refused as
 * unsupported. Rings are single chunks of the page allocator, converted on their own, coherent buffers likewise
 * (kernel/dma/direct.c). linux.ts has the rest. The pool of the ITS's tables is that of the kernel that first ran in a realm,
 * 6.13 (drivers/irqchip/irq-gic-v3-its.c).
 */
export const linux612 = linux({ name: 'linux-6.12', vmallocOrder: 0, usesChunks: () => false });
