/**
 * The fields of a trace event: `key=value` with a space between. Each field is looked up by its name, so that
 * fields which a kernel adds, drops or moves do no harm.
 */

/** The value of a field, up to the next space; undefined when there is none of this name. */
export function fieldOf(fields: string, name: string): string | undefined {
  const start = startOf(fields, `${name}=`);
  if (start === -1) return undefined;
  const end = fields.indexOf(' ', start);
  return end === -1 ? fields.slice(start) : fields.slice(start, end);
}

/** Where the value behind `label` begins: a label stands at the beginning or behind a space. */
function startOf(fields: string, label: string): number {
  if (fields.startsWith(label)) return label.length;
  const at = fields.indexOf(` ${label}`);
  return at === -1 ? -1 : at + 1 + label.length;
}

const DECIMAL = /^\d{1,15}$/;

/** A decimal whole number up to `max`; undefined for anything else. */
export function wholeNumber(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

const HEXADECIMAL = /^0x[0-9a-f]{1,13}$/;

/** Page frames of 52 address bits, the most that x86 and Arm have. */
const MAX_PFN = 2 ** 40 - 1;

/** A pfn: decimal before Linux 5.14, and hexadecimal with 0x since (include/trace/events/kmem.h). */
export function pfnOf(text: string | undefined): number | undefined {
  if (text === undefined || !HEXADECIMAL.test(text)) return wholeNumber(text, MAX_PFN);
  const value = Number(text);
  return value <= MAX_PFN ? value : undefined;
}

const NULL = /^(?:(?:0x)?0+|\(null\)|\(nil\))$/;

/** Whether a pointer is NULL, as kernels (zeros, `(null)`) and perf (`(nil)`, `0x0`) print it. */
export const isNull = (pointer: string | undefined): boolean => pointer !== undefined && NULL.test(pointer);

/** More than any one allocation: what claims to be larger is no number of bytes. */
const MAX_BYTES = 2 ** 40;

/** A number of bytes, at least 1. */
export function bytesOf(text: string | undefined): number | undefined {
  const bytes = wholeNumber(text, MAX_BYTES);
  return bytes === 0 ? undefined : bytes;
}
