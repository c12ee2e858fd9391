/**
 * dma:dma_alloc and dma:dma_free (include/trace/events/dma.h, since Linux 6.12), and dma_alloc_pages and
 * dma_free_pages: coherent buffers of devices with their exact size, and no probe needed. An allocation and its
 * free have the device and the DMA address in common; the virtual address is a hash.
 */
import { pagesFor } from '@decpool/model';
import { PAGE_SHIFT } from '../../workloads/workload.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { bytesOf, fieldOf, isNull } from './event-fields.ts';
import { parseGfp } from './gfp-flags.ts';
import type { TracefsEvent } from './tracefs.ts';

const EXPECTED = 'DEVICE dma_addr=HEX size=BYTES';

export class DmaEvents {
  readonly #into: TraceRequests;

  constructor(into: TraceRequests) {
    this.#into = into;
  }

  /** dma_alloc. Returns what its fields should have been, when they are not. */
  allocated({ at, fields }: TracefsEvent): string | undefined {
    const target = dmaTargetOf(fields);
    const bytes = bytesOf(fieldOf(fields, 'size'));
    if (target === undefined || bytes === undefined) return EXPECTED;
    if (isNull(fieldOf(fields, 'virt_addr'))) {
      this.#into.failed();
      return;
    }
    this.#into.allocate(keyOf(target), at, {
      api: 'dma_alloc_coherent',
      pages: pagesFor(bytes, PAGE_SHIFT),
      bytes,
      owner: target.device,
      gfp: parseGfp(fieldOf(fields, 'flags') ?? 'none').flags,
    });
    return;
  }

  /** dma_free. Returns what its fields should have been, when they are not. */
  freed({ event, at, fields }: TracefsEvent): string | undefined {
    const target = dmaTargetOf(fields);
    if (target === undefined) return EXPECTED;
    // dma_free_attrs() traces before it looks at its pointer (kernel/dma/mapping.c).
    if (isNull(fieldOf(fields, 'virt_addr'))) this.#into.ignore(`${event} of NULL`);
    else this.#into.free(keyOf(target), at);
    return;
  }
}

const keyOf = ({ device, address }: DmaTarget): string => `coherent ${device} ${address}`;

/** What an allocation or a mapping and its end have in common. */
export interface DmaTarget {
  readonly device: string;
  /** The DMA address in decimal, without the bit that marks it as shared. */
  readonly address: string;
}

const DEVICE = /^([^\s=]+) /;
const ADDRESS = /^(?:0x)?([0-9a-f]{1,16})$/;

/** The device that the fields begin with, and its `dma_addr`. */
export function dmaTargetOf(fields: string): DmaTarget | undefined {
  const device = DEVICE.exec(fields)?.[1];
  const address = ADDRESS.exec(fieldOf(fields, 'dma_addr') ?? '')?.[1];
  if (device === undefined || address === undefined) return undefined;
  return { device, address: String(withoutSharedBit(BigInt(`0x${address}`))) };
}

/** An intermediate physical address has 40 bits unless a VM asks for another width (arch/arm64/kvm/reset.c). */
const LOWEST_SHARED_BIT = 39;

/**
 * In an Arm CCA realm the top bit of an address says that it is shared (PROT_NS_SHARED,
 * arch/arm64/include/asm/pgtable-prot.h); which bit that is depends on the VM, and not every line need carry it.
 */
function withoutSharedBit(address: bigint): bigint {
  const top = address.toString(2).length - 1;
  return top < LOWEST_SHARED_BIT ? address : address - (1n << BigInt(top));
}
