import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MIGRATETYPES } from '../migratetypes.ts';
import { APIS, attributesOf, GFP } from '../requests.ts';
import { EXAMPLES } from '../testing.ts';
import { EventRows } from './batch.ts';
import { hasKnownAttributes, KNOWN_CODES } from './objects.ts';
import {
  AREA_CALL,
  CONVERTED,
  EVENT_TYPES,
  type EventType,
  FAILURE_REASONS,
  HAS_CPU,
  SKIPPED,
  TYPE,
} from './schema.ts';

/** Codes that an event of a type can have, ascending. */
const codesOf = (type: EventType): number[] =>
  KNOWN_CODES[EVENT_TYPES.indexOf(type)].flatMap((isKnown, code) => (isKnown ? [code] : []));

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

it.each<[EventType, readonly number[]]>([
  ['allocation-requested', upTo(APIS.length)],
  ['pages-claimed', upTo(MIGRATETYPES.length)],
  ['large-page-split', [2, 3]],
  ['contiguous-split', [1, 2]],
  [
    'conversion-failed',
    [0, 1]
      .flatMap((direction) =>
        [0, CONVERTED, AREA_CALL, CONVERTED | AREA_CALL].map((flags) => direction | flags),
      )
      .sort(),
  ],
  ['allocation-failed', upTo(FAILURE_REASONS.length)],
  ['request-skipped', upTo(SKIPPED.length)],
  [
    'background-allocated',
    [...upTo(MIGRATETYPES.length), ...upTo(MIGRATETYPES.length).map((code) => code | HAS_CPU)],
  ],
  ['background-freed', [0, HAS_CPU]],
  ['pages-freed', [0]],
])('an event %s can have the codes of its values, each with and without its flags: %j', (type, codes) => {
  expect(codesOf(type)).toEqual(codes);
});

it('the code of every event that there is an example of is known', () => {
  for (const [type, bodies] of Object.entries(EXAMPLES)) {
    for (const body of bodies) {
      const rows = new EventRows(1);
      rows.appendObject(body);
      expect(codesOf(type as EventType)).toContain(rows.seal(0).codeAt(0));
    }
  }
});

/** Whether a row of a type can have a word in its pfn column. */
function isKnown(type: number, attributes: number): boolean {
  const rows = new EventRows(1);
  rows.append(type, 0, 0, 1, attributes, 0, 0);
  return hasKnownAttributes(rows.columns, 0);
}

it('a request can have the attributes that can be asked for, and a free only flags and a CPU', () => {
  const power = fc.nat(12).map((log2) => 1 << log2);
  const asked = fc.record({
    gfp: fc.nat(Object.values(GFP).reduce((all, flag) => all | flag, 0)),
    node: fc.integer({ min: -1, max: 62 }),
    align: power,
    cpu: fc.nat(255),
  });
  fc.assert(
    fc.property(asked, (attributes) => {
      const word = attributesOf(attributes);
      expect(isKnown(TYPE.allocationRequested, word)).toBe(true);
      const isPlain = attributes.node === -1 && attributes.align === 1;
      expect(isKnown(TYPE.freeRequested, word)).toBe(isPlain);
      expect(isKnown(TYPE.requestSkipped, word)).toBe(isPlain);
      expect(isKnown(TYPE.freeRequested, attributesOf({ gfp: attributes.gfp, cpu: attributes.cpu }))).toBe(
        true,
      );
    }),
  );
});

it('no request has flags, a node or an alignment that there are not, and other events have any page', () => {
  const wrong = [0x80, attributesOf({ align: 4096 }) + 0x100, attributesOf({ node: 62 }) + 0x10000];
  for (const word of wrong) {
    expect([isKnown(TYPE.allocationRequested, word), isKnown(TYPE.freeRequested, word)]).toEqual([
      false,
      false,
    ]);
    expect(isKnown(TYPE.pagesFreed, word)).toBe(true);
  }
});
