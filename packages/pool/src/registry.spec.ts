import { InputError, platformNamed } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './page-source/profiles.ts';
import { Pool } from './pool.ts';
import { BASELINES, policyNamed } from './registry.ts';

const nameOf = (policy: string) =>
  new Pool({ memory: freshBoot(2 ** 26), platform: platformNamed('snp'), policy: policyNamed(policy) }).header
    .policy;

describe('the registry', () => {
  it('lists the baselines, kernels first', () => {
    expect(Object.keys(BASELINES)).toEqual([
      'linux-6.12',
      'linux-7.3',
      'gfp-decrypted',
      'genpool',
      'swiotlb',
      'swiotlb:dynamic',
    ]);
  });

  it.each([...Object.keys(BASELINES), 'first-fit+block+immediate', 'best-fit+page+watermark:1:2'])(
    'makes %s, which bears the name it was asked for by',
    (name) => expect(nameOf(name)).toBe(name),
  );

  it.each(['swiotlb:', 'swiotlb:fast', 'genpool:4', 'linux-6.12:x', 'linux', 'toString', ''])(
    'answers %j with all the baselines there are',
    (name) => {
      expect(() => policyNamed(name)).toThrow(InputError);
      expect(() => policyNamed(name)).toThrow(
        'expected a baseline (linux-6.12, linux-7.3, gfp-decrypted, genpool, swiotlb, swiotlb:dynamic) or PLACEMENT+CONVERSION+SUPPLY',
      );
    },
  );

  it('takes parameters where a supply has some, and refuses them where it has none', () => {
    expect(nameOf('first-fit+block+watermark:64:256')).toBe('first-fit+block+watermark:64:256');
    expect(() => policyNamed('first-fit+block+immediate:1')).toThrow(
      "supply 'immediate' in policy 'first-fit+block+immediate:1' takes no parameters",
    );
  });
});
