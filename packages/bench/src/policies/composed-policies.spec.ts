/**
 * The battery of `decpool check-policy` on policies that are composed of parts: in `pnpm test` a set in which any two parts meet,
 * in the long tests every combination without slots of swiotlb as well.
 */
import { policyNamed } from '@decpool/pool';
import { CONVERSIONS, PLACEMENTS, RETURNS } from '@decpool/pool/internal';
import { describe, expect, it } from 'vitest';
import { checkConformance } from './conformance.ts';

const [placements, conversions, returns] = [PLACEMENTS, CONVERSIONS, RETURNS].map(Object.keys);
const reserves = ['', 'reserve:64:512+'];
const shrinkers = ['', '+shrinker'];
const slots = ['', '+swiotlb'];
const KINDS = [placements, conversions, reserves, returns, shrinkers, slots] as const;

/** One part of each kind, in the order of KINDS. */
type Parts = readonly string[];

const nameOf = ([placement, conversion, reserve, returned, shrinker, slot]: Parts): string =>
  `${placement}+${conversion}+${reserve}${returned}${shrinker}${slot}`;

const EVERY: readonly Parts[] = KINDS.reduce<Parts[]>(
  (begun, parts) => begun.flatMap((before) => parts.map((part) => [...before, part])),
  [[]],
);

/** Every placement with every conversion; the other parts take turns such that any two parts meet. */
const COVERING: readonly Parts[] = placements.flatMap((placement, row) =>
  conversions.map((conversion, column) => {
    const turn = Math.floor(row / returns.length);
    return [
      placement,
      conversion,
      reserves[(turn + column) % 2],
      returns[(row + column) % returns.length],
      shrinkers[(turn + Math.floor(column / 2)) % 2],
      slots[(row + Math.floor(column / 2)) % 2],
    ];
  }),
);

/** Slots go before the pool, so they double the policies for little. */
const LONG = [...EVERY.filter((parts) => parts[5] === ''), ...COVERING.filter((parts) => parts[5] !== '')];

const pairsIn = (policies: readonly Parts[]): Set<string> =>
  new Set(
    policies.flatMap((parts) =>
      parts.flatMap((one, kind) => parts.slice(kind + 1).map((other, at) => `${kind} ${one} ${at} ${other}`)),
    ),
  );

const isLong = randomRuns(4) === 4;
/** Each of the platforms once, and so each kind of memory. */
const RUNS = 7;

describe('a composed policy keeps every rule', () => {
  it('in the short tests, any two parts beside each other', () => {
    expect(pairsIn(COVERING)).toEqual(pairsIn(EVERY));
  });

  it.each((isLong ? LONG : COVERING).map((parts, at) => [nameOf(parts), at + 1] as const))(
    '%s',
    async (name, seed) => {
      const { rules } = await checkConformance(policyNamed(name), { runs: RUNS, seed });
      expect(rules.filter(({ failure }) => failure !== undefined)).toEqual([]);
    },
  );
});
