import { MAX_PAGE_ORDER } from '@decpool/model';
import type { PolicyFactory } from '../policy.ts';
import { type LinuxVersion, linux } from './linux.ts';
import { isNetvscBuffer } from './owners.ts';

/**
 * Linux 7.3. A network adapter of Hyper-V takes its buffers from vmbus_alloc_buffer() (drivers/hv/channel.c): contiguous
 * chunks from order 10 downward, each converted through its address in the direct map and then mapped one behind the
 * other, so it works on every platform, and chunks of 2 MiB and more split no 2M mapping. Other vmalloc memory is still
 * converted by its vmalloc address, page by page, but its pages now come in the largest orders there are (mm/vmalloc.c). The
 * kernel asks for those without direct reclaim, which is not modelled anyway. All else is as in 6.12.
 */
const VERSION: LinuxVersion = {
  name: 'linux-7.3',
  vmallocOrder: MAX_PAGE_ORDER,
  usesChunks: isNetvscBuffer,
};

export const linux73 = linux(VERSION);

/** What every pool is outside a confidential VM: nothing is shared, so it claims what the kernel without a pool claims. */
export const withoutPool = (name: string): PolicyFactory => linux({ ...VERSION, name });
