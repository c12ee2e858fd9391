/**
 * The fields of a trace event: `key=value` with a space between, looked up by name because kernel versions add, drop and move
 * fields.
 */

/** The value of a field, up to the next space; undefined if the event has no such field. */
export function fieldOf(fields: string, name: string): string | undefined {
  const label = `${name}=`;
  const isFirst = fields.startsWith(label);
  const space = isFirst ? -1 : fields.indexOf(` ${label}`);
  if (!isFirst && space === -1) return undefined;
  const start = space + 1 + label.length;
  const end = fields.indexOf(' ', start);
  return end === -1 ? fields.slice(start) : fields.slice(start, end);
}

/** A decimal whole number up to `max`; undefined for anything else. */
export function wholeNumber(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

/** Page frames of 52 address bits, the most that x86 and Arm have. */
const MAX_PFN = 2 ** 40 - 1;

/** A pfn: decimal before Linux 5.14, and hexadecimal with 0x since (include/trace/events/kmem.h). */
export function pfnOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^0x[0-9a-f]{1,13}$/.test(text)) return wholeNumber(text, MAX_PFN);
  const value = Number(text);
  return value <= MAX_PFN ? value : undefined;
}

const NULL = /^(?:(?:0x)?0+|\(null\)|\(nil\))$/;

/** Whether a pointer is NULL, as kernels (zeros, `(null)`) and perf (`(nil)`, `0x0`) print it. */
export const isNull = (pointer: string | undefined): boolean => pointer !== undefined && NULL.test(pointer);

/** A request is below 4 GiB (model/src/request-rules.ts). Larger numbers are malformed. */
const MAX_BYTES = 2 ** 32 - 1;
export const MAX_PAGES = 2 ** 20 - 1;

/** A number of bytes, at least 1. */
export function bytesOf(text: string | undefined): number | undefined {
  const bytes = wholeNumber(text, MAX_BYTES);
  return bytes === 0 ? undefined : bytes;
}

/** An allocation or a mapping and its end have the same device and DMA address. */
export interface DmaTarget {
  readonly device: string;
  /** The DMA address in decimal, without the bit that marks it as shared. */
  readonly address: string;
}

/** The expected fields, for messages. */
export const EXPECTED_DMA_TARGET = 'DEVICE dma_addr=HEX size=BYTES';

/** The device that the fields begin with, and its `dma_addr`. */
export function dmaTargetOf(fields: string): DmaTarget | undefined {
  const device = /^([^\s=]+) /.exec(fields)?.[1];
  const address = addressOf(fieldOf(fields, 'dma_addr'));
  if (device === undefined || address === undefined) return undefined;
  return { device, address };
}

/** A hexadecimal address in decimal, without the bit that marks it as shared. */
export function addressOf(text: string | undefined): string | undefined {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : String(withoutSharedBit(BigInt(`0x${digits}`)));
}

/** A list of addresses: `{0x1000,0x2000}` of tracefs, or `4096 8192` of trace-cmd and perf. Undefined if it is empty. */
export function addressesOf(fields: string, name: string): readonly string[] | undefined {
  const start = ` ${fields}`.indexOf(` ${name}=`);
  if (start === -1) return undefined;
  const text = fields.slice(start + name.length + 1);
  const hex = /^\{((?:0x[0-9a-f]{1,16},?)+)\}/.exec(text)?.[1];
  if (hex !== undefined)
    return hex
      .split(',')
      .filter(Boolean)
      .map((item) => String(withoutSharedBit(BigInt(item))));
  const decimal = /^\d{1,20}(?: \d{1,20})*(?= |$)/.exec(text)?.[0];
  return decimal?.split(' ').map((item) => String(withoutSharedBit(BigInt(item))));
}

/** A VM has 40 bits of intermediate physical address by default (arch/arm64/kvm/reset.c). */
const LOWEST_SHARED_BIT = 39;

/**
 * In an Arm CCA realm the top bit of an address marks it as shared (PROT_NS_SHARED,
 * arch/arm64/include/asm/pgtable-prot.h). Which bit that is depends on the VM, and some events print addresses without it.
 */
function withoutSharedBit(address: bigint): bigint {
  const top = address.toString(2).length - 1;
  return top < LOWEST_SHARED_BIT ? address : address - (1n << BigInt(top));
}
