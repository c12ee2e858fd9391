import { expect, it } from 'vitest';
import { EVENT_TYPES, type EventType } from '../events/schema.ts';
import { batchOf, EXAMPLE_EVENTS } from '../testing.ts';
import {
  anyOf,
  CHANGES_BLOCK,
  CHANGES_PAGES,
  type EventSet,
  EXPOSES,
  eventSet,
  exposureSign,
  IS_NUMBERED_REQUEST,
  IS_REQUEST,
} from './event-sets.ts';

const typesIn = (set: EventSet): readonly EventType[] => EVENT_TYPES.filter((_, type) => set[type]);

const CHANGE_PAGES = [
  'pages-claimed',
  'pages-returned',
  'pages-decrypted',
  'pages-encrypted',
  'conversion-failed',
  'pages-leaked',
  'vm-area-decrypted',
  'vm-area-encrypted',
];
const NUMBERED = ['allocation-requested', 'free-requested', 'user-mapped', 'user-unmapped'];

it.each<[string, EventSet, readonly string[]]>([
  ['requests with a number', IS_NUMBERED_REQUEST, NUMBERED],
  [
    'requests',
    IS_REQUEST,
    [...NUMBERED, 'background-allocated', 'background-freed', 'background-failed', 'request-skipped'],
  ],
  ['events that change pages', CHANGES_PAGES, CHANGE_PAGES],
  [
    'events that change blocks',
    CHANGES_BLOCK,
    [
      ...CHANGE_PAGES,
      'pages-allocated',
      'pages-freed',
      'slab-created',
      'large-page-split',
      'large-page-restored',
    ],
  ],
  [
    'events that can change what the host sees',
    EXPOSES,
    ['pages-decrypted', 'pages-encrypted', 'vm-area-decrypted', 'vm-area-encrypted', 'conversion-failed'],
  ],
])('%s are of these types', (_, set, types) => {
  expect(new Set(typesIn(set))).toEqual(new Set(types));
});

it('a set has the types that it is made of, and a union those of all its sets', () => {
  const claimed = eventSet('pages-claimed');
  expect(typesIn(claimed)).toEqual(['pages-claimed']);
  const all = anyOf(claimed, eventSet('pages-freed', 'user-mapped'), eventSet());
  expect(typesIn(all)).toEqual(['pages-claimed', 'pages-freed', 'user-mapped']);
});

it('a decryption exposes its pages, also one that fails, and only an encryption that succeeds hides them', () => {
  const signs = EXAMPLE_EVENTS.flatMap((event) => {
    const sign = exposureSign(batchOf([event]), 0);
    const fails = event.type === 'conversion-failed' ? ` ${event.direction}` : '';
    return sign === 0 && fails === '' ? [] : [`${event.type}${fails} ${sign}`];
  });
  expect(new Set(signs)).toEqual(
    new Set([
      'pages-decrypted 1',
      'vm-area-decrypted 1',
      'pages-encrypted -1',
      'vm-area-encrypted -1',
      'conversion-failed decrypt 1',
      'conversion-failed encrypt 0',
    ]),
  );
});
