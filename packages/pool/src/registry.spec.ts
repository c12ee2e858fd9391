import { InputError, platformNamed } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './page-source/profiles.ts';
import { shortPolicyName } from './policy-names.ts';
import { Pool } from './pool.ts';
import {
  ALL_POLICIES,
  BASELINES,
  CONVERSIONS,
  PLACEMENTS,
  policyNamed,
  RECOMMENDED,
  RETURNS,
  SHORT_NAMES,
} from './registry.ts';

const nameOf = (policy: string) =>
  new Pool({ memory: freshBoot(2 ** 26), platform: platformNamed('snp'), policy: policyNamed(policy) }).header
    .policy;

describe('the registry', () => {
  it('lists the baselines, what kernels do today first', () => {
    expect(Object.keys(BASELINES)).toEqual([
      'linux-7.3',
      'linux-7.3:coherent-pool',
      'linux-7.3:slots-first',
      'linux-7.3:kept-buffers',
      'linux-7.3:whole-blocks',
      'linux-6.12',
      'gfp-decrypted',
      'migratetype',
      'genpool',
      'swiotlb',
      'swiotlb:dynamic',
    ]);
  });

  it.each([
    ...Object.keys({ ...BASELINES, ...RECOMMENDED }),
    'first-fit+block+immediate',
    'best-fit+page+reserve:1:2+immediate',
  ])('makes %s, which bears the name it was asked for by', (name) => expect(nameOf(name)).toBe(name));

  it.each([
    ['swiotlb:', "'swiotlb'"],
    ['swiotlb:fast', "'swiotlb'"],
    ['linux-7.2', "'linux-7.3'"],
    ['linux', "'linux-7.3'"],
    ['frist-fit', "'first-fit'"],
    ['frist-fit+block+immediate', "'first-fit'"],
    ['first-fit+blokc+immediate', "'block'"],
    ['first-fit+never-retrun', "'never-return'"],
  ])('answers %s with the nearest names, and the command that lists all', (name, near) => {
    expect(() => policyNamed(name)).toThrow(InputError);
    expect(() => policyNamed(name)).toThrow(near.split(', ')[0]);
    expect(() => policyNamed(name)).toThrow('decpool policies');
  });

  it.each(['toString', '', 'genpool:4', 'linux-6.12:x', 'first-fit+toString', 'constructor+block+immediate'])(
    'refuses %j',
    (name) => expect(() => policyNamed(name)).toThrow(InputError),
  );

  it.each([
    ['first-fit', 'first-fit+block+hysteresis:2'],
    ['first-fit+page', 'first-fit+page+hysteresis:2'],
    ['first-fit+never-return', 'first-fit+block+never-return'],
    ['llfree:4+reserve:1:2+immediate', 'llfree:4+block+reserve:1:2+immediate'],
    ['first-fit+reserve', 'first-fit+block+reserve:64:512+hysteresis:2'],
    ['first-fit+shrinker', 'first-fit+block+hysteresis:2+shrinker'],
    ['first-fit+page+reserve:1:2+demand:1+shrinker', 'first-fit+page+reserve:1:2+demand:1+shrinker'],
    ['first-fit+hysteresis:5', 'first-fit+block+hysteresis:5'],
  ])('takes %s for %s', (name, whole) => expect(nameOf(name)).toBe(whole));

  it.each([
    'first-fit+immediate+block',
    'first-fit+block+page',
    'first-fit+block+immediate+demand',
    'first-fit+immediate+reserve',
    'first-fit+shrinker+immediate',
    'first-fit+reserve+reserve',
  ])('refuses %s: one of each, in order', (name) =>
    expect(() => policyNamed(name)).toThrow(
      'expected PLACEMENT[+CONVERSION][+reserve:LOW:HIGH][+RETURN][+shrinker]',
    ),
  );

  it('shortens a name to the parts that are not the default', () => {
    expect(shortPolicyName('first-fit+block+hysteresis:2')).toBe('first-fit');
    expect(shortPolicyName('first-fit+block+hysteresis')).toBe('first-fit');
    expect(shortPolicyName('first-fit+block+hysteresis:5')).toBe('first-fit+hysteresis:5');
    expect(shortPolicyName('llfree:8+page+never-return')).toBe('llfree:8+page+never-return');
    expect(shortPolicyName('linux-7.3')).toBe('linux-7.3');
    for (const policy of ALL_POLICIES) expect(nameOf(shortPolicyName(policy))).toBe(nameOf(policy));
  });

  it('refuses the supply of earlier versions, and says how it is written now', () => {
    expect(() => policyNamed('first-fit+watermark:64:512')).toThrow(
      "'watermark:64:512' is written 'reserve:64:512+immediate' now",
    );
  });

  it('takes parameters where a part has some, and refuses them where it has none', () => {
    expect(nameOf('first-fit+block+reserve:64:256+immediate')).toBe(
      'first-fit+block+reserve:64:256+immediate',
    );
    expect(() => policyNamed('first-fit+block+immediate:1')).toThrow(
      "policy 'first-fit+block+immediate:1': return 'immediate' takes no parameters",
    );
  });

  it('a short name stands for three strategies, and the pool bears theirs', () => {
    for (const [short, { policy }] of Object.entries(SHORT_NAMES)) expect(nameOf(short)).toBe(policy);
  });

  it('makes every combination of strategies, with the parameters that they usually have', () => {
    const [placements, conversions, returns] = [PLACEMENTS, CONVERSIONS, RETURNS].map(Object.keys);
    const pools = placements.length * conversions.length * returns.length;
    expect(ALL_POLICIES).toHaveLength(Object.keys({ ...BASELINES, ...RECOMMENDED }).length + pools);
    for (const policy of ALL_POLICIES) {
      const parts = nameOf(policy).split('+');
      expect(parts.map((part) => part.replace(/:.*/, '')).join('+')).toBe(policy.replace(/:.*/, ''));
    }
  });

  it.each([
    ['llfree:0+block+immediate', 'expected llfree:CPUS'],
    ['llfree:x+block+immediate', 'expected llfree:CPUS'],
    [
      'first-fit:1+block+immediate',
      "policy 'first-fit:1+block+immediate': placement 'first-fit' takes no parameters",
    ],
    ['first-fit+granule:4+immediate', 'a power of two from 8 to 1024'],
    ['first-fit+granule:48+immediate', 'a power of two from 8 to 1024'],
    ['first-fit+granule:64:64+immediate', 'expected granule:KIB'],
    ['first-fit+adaptive:0+immediate', 'expected adaptive:PERCENT of a block, 1 to 100'],
    ['first-fit+adaptive:101+immediate', 'expected adaptive:PERCENT of a block, 1 to 100'],
    ['first-fit+block+hysteresis:0', 'expected hysteresis:SECONDS, up to 86400'],
    ['first-fit+block+hysteresis:1e3', 'expected hysteresis:SECONDS'],
    ['first-fit+block+demand:-1', 'expected demand:SECONDS'],
    ['first-fit+block+demand:1:2', 'expected demand:SECONDS'],
  ])('refuses %s, and says what would be right', (policy, message) => {
    expect(() => policyNamed(policy)).toThrow(InputError);
    expect(() => policyNamed(policy)).toThrow(message);
  });
});
