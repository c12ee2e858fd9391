/**
 * Kinds of event fields: the TypeScript type of the value, the column that stores it, and the values that are allowed.
 * schema.ts builds every event type from these.
 */
import type { InputError } from '../errors.ts';
import {
  ANY_NODE,
  alignOf,
  attributesOf,
  cpuOf,
  GFP,
  GFP_KERNEL,
  gfpName,
  gfpNamed,
  gfpOf,
  MAX_CPU,
  MAX_NODE,
  nodeOf,
} from '../requests.ts';

/** Columns that hold fields. `code` is a small number; the bits of one row's `code` and `pfn` can hold several fields. */
type FieldColumn = 'owner' | 'allocation' | 'pfn' | 'pages' | 'bytes' | 'code' | 'name';

/** A field whose value in an event object has type `Value`. */
export interface Field<Value = unknown, Optional extends boolean = boolean> {
  readonly kind: 'number' | 'name' | 'choice' | 'flag' | 'flagged number' | 'attribute';
  readonly column: FieldColumn;
  /** Whether an event object can leave it out. */
  readonly isOptional: Optional;
  /** Largest value of a number. */
  readonly max: number;
  /** What each allowed value stores in the column; undefined for numbers and names. */
  readonly bits: ReadonlyMap<unknown, number> | undefined;
  /** Bits of `code` that are set if the field is present; 0 if it is always present. */
  readonly flag: number;
  /** The value allowed, for messages: `must be ...`. */
  readonly expected: string;
  /** Carries the type only; never present. */
  readonly value?: Value;
}

/** Highest owner number a row can hold. */
export const MAX_OWNER = 0xffff;
/** Highest number of a 32-bit column. */
export const MAX_WORD = 0xffffffff;

const PLAIN = { isOptional: false, max: MAX_WORD, bits: undefined, flag: 0 } as const;
const wholeUpTo = (max: number) => `a whole number from 0 to ${max}`;

/** A whole number. */
export const number = <Value extends number = number>(
  column: 'owner' | 'allocation' | 'pfn' | 'pages' | 'bytes',
): Field<Value, false> => {
  const max = column === 'owner' ? MAX_OWNER : MAX_WORD;
  return { ...PLAIN, kind: 'number', column, max, expected: wholeUpTo(max) };
};

/** A text of any length, which stands beside the columns. */
export const NAME: Field<string, false> = { ...PLAIN, kind: 'name', column: 'name', expected: 'a string' };

/** One of several names; `code` is the index. */
export const oneOf = <Value extends string>(values: readonly Value[]): Field<Value, false> => ({
  ...PLAIN,
  kind: 'choice',
  column: 'code',
  bits: new Map(values.map((value, index) => [value, index])),
  expected: `one of ${values.join(', ')}`,
});

/** One of several levels of the direct map; `code` is the level. */
export const level = <Value extends number>(names: Readonly<Record<Value, string>>): Field<Value, false> => {
  const levels = Object.entries<string>(names);
  return {
    ...PLAIN,
    kind: 'choice',
    column: 'code',
    bits: new Map(levels.map(([value]) => [Number(value), Number(value)])),
    expected: levels.map(([value, name]) => `${value} (${name})`).join(' or '),
  };
};

/** True or left out; a bit of `code`. */
export const flag = (bit: number): Field<true, true> => ({
  ...PLAIN,
  kind: 'flag',
  column: 'code',
  isOptional: true,
  bits: new Map([[true, bit]]),
  expected: 'true, or left out',
});

/** A number that can be left out; a bit of `code` tells whether it is there. */
const flagged = (column: 'bytes' | 'owner', bit: number, expected: string): Field<number, true> => ({
  ...PLAIN,
  kind: 'flagged number',
  column,
  isOptional: true,
  flag: bit,
  expected,
});
export const flaggedPages = (bit: number): Field<number, true> =>
  flagged('bytes', bit, 'a whole number of pages, or left out');

const CPU_NUMBER = `a CPU from 0 to ${MAX_CPU}`;
/** The CPU of a request without attributes, in the column of an owner, which it does not have. */
export const flaggedCpu = (bit: number): Field<number, true> => ({
  ...flagged('owner', bit, CPU_NUMBER),
  max: MAX_CPU,
});

/** The attributes of a request that differ from the usual ones: GFP_KERNEL, any node, no alignment and CPU 0 are left out. */
export function attributeFields(attributes: number): {
  gfp?: string;
  node?: number;
  align?: number;
  cpu?: number;
} {
  if (attributes === 0) return {};
  const [gfp, node, align] = [gfpOf(attributes), nodeOf(attributes), alignOf(attributes)];
  const cpu = cpuOf(attributes);
  return {
    ...(gfp === GFP_KERNEL ? {} : { gfp: gfpName(gfp) }),
    ...(node === ANY_NODE ? {} : { node }),
    ...(align === 1 ? {} : { align }),
    ...(cpu === 0 ? {} : { cpu }),
  };
}

/** A part of the word of attributesOf(), which requests have in the pfn column. */
const attribute = <Value>(expected: string, bits?: ReadonlyMap<unknown, number>): Field<Value, true> => ({
  ...PLAIN,
  kind: 'attribute',
  column: 'pfn',
  isOptional: true,
  bits,
  expected,
});
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

export const GFP_FLAGS = attribute<string>(
  'flags as in GFP_ATOMIC|__GFP_DMA32',
  new Map(upTo(1 << Object.keys(GFP).length).map((gfp) => [gfpName(gfp), attributesOf({ gfp })])),
);
export const NODE = attribute<number>(
  `a node from 0 to ${MAX_NODE}`,
  new Map(upTo(MAX_NODE + 1).map((node) => [node, attributesOf({ node })])),
);
export const ALIGN = attribute<number>(
  'a power of two up to 4096',
  new Map(upTo(13).map((log2) => [1 << log2, attributesOf({ align: 1 << log2 })])),
);
export const CPU = attribute<number>(
  CPU_NUMBER,
  new Map(upTo(MAX_CPU + 1).map((cpu) => [cpu, attributesOf({ cpu })])),
);

/** What a value of an event object stores in its column. Throws InputError if the field cannot have it. */
export function storedBits(field: Field, value: unknown, refuse: () => InputError): number {
  // Flags can be named in any order.
  if (field === GFP_FLAGS && typeof value === 'string') return attributesOf({ gfp: gfpNamed(value) });
  const isNumber = field.kind === 'number' || field.kind === 'flagged number';
  const stored = isNumber ? value : field.bits?.get(value);
  if (!isWhole(stored, field.max)) throw refuse();
  return stored;
}

export const isWhole = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
