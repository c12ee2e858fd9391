import { type AllocateRequest, type Pfn, pfn, type StateView } from '@decpool/model';
import { type Policy, type PolicyFactory, policyNamed, type Recorder } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { type Conformance, checkConformance } from './conformance.ts';
import type { Rule } from './rules.ts';

const OPTIONS = { runs: 21, seed: 1 };
/** Found out is enough, where nobody looks at how it is shown. */
const BRIEFLY = { runs: 14, seed: 1, mostTries: 0 };

const broken = ({ rules }: Conformance): Rule[] =>
  rules.filter(({ failure }) => failure !== undefined).map(({ rule }) => rule);

describe('a bundled policy keeps every rule', () => {
  it.each([
    'linux-7.3',
    'swiotlb:dynamic',
    'first-fit+block+immediate',
    'longest-free-range+block+reserve:64:700+immediate',
  ])('%s', async (name) => {
    expect(broken(await checkConformance(policyNamed(name), OPTIONS))).toEqual([]);
  });
});

const SOUND = policyNamed('gfp-decrypted');

type Decide = (request: AllocateRequest, view: StateView, record: Recorder, sound: Policy) => void;

/** A sound policy, but for how it allocates. */
const allocating =
  (allocate: Decide): PolicyFactory =>
  (view) => {
    const sound = SOUND(view);
    return {
      name: 'bad',
      allocate: (request, at, record) => allocate(request, at, record, sound),
      free: (request, at, record) => sound.free(request, at, record),
    };
  };

/** A sound policy, but for what is told here. */
const but =
  (parts: (sound: Policy, view: StateView) => Partial<Policy>): PolicyFactory =>
  (view) => {
    const sound = SOUND(view);
    return {
      name: 'bad',
      allocate: (request, at, record) => sound.allocate(request, at, record),
      free: (request, at, record) => sound.free(request, at, record),
      ...parts(sound, view),
    };
  };

const claimed = (order: number, record: Recorder): Pfn => {
  const start = record.claim(order);
  if (start === -1) record.fail('out-of-memory');
  return pfn(Math.max(0, start));
};

let count = 0;

const BAD: Readonly<Partial<Record<Rule, PolicyFactory>>> = {
  'in-time': (() => {
    let kept: Recorder | undefined;
    return but((sound) => ({
      allocate: (request, view, record) => {
        kept = record;
        sound.allocate(request, view, record);
      },
      hasWork: () => {
        kept?.claim(0);
        return false;
      },
    }));
  })(),
  arguments: allocating((_request, _view, record) => record.allocate(pfn(0.5), 1)),
  allocate: allocating(({ pages }, _view, record) => record.allocate(claimed(0, record), pages)),
  reach: allocating((request, view, record, sound) => {
    // As if there were but one zone: what was claimed for others is given to whoever comes.
    if (record.reach.endBlock === view.blocks || !record.mayConvert) sound.allocate(request, view, record);
    else record.allocate(pfn(view.geometry.spanPages - request.pages), request.pages);
  }),
  contiguous: allocating(({ pages, api }, view, record, sound) => {
    const request = { pages, api } as AllocateRequest;
    if (pages !== 2 || api === 'vmalloc' || !record.mayConvert || view.platform.granulePages > 1) {
      sound.allocate(request, view, record);
      return;
    }
    const start = claimed(2, record);
    record.decrypt(pfn(start + 1), 2);
    record.allocate(pfn(start + 1), 2);
  }),
  size: allocating((request, view, record, sound) => {
    if (request.pages !== 1 || !record.mayConvert || request.api === 'vmalloc') {
      sound.allocate(request, view, record);
      return;
    }
    const start = claimed(4, record);
    if (record.decrypt(start, 16) === 'converted') record.allocate(start, 16);
    else record.fail('conversion-failed');
  }),
  decided: allocating((request, view, record, sound) => {
    if (request.owner !== 'vda') sound.allocate(request, view, record);
  }),
  fail: allocating((_request, _view, record) => {
    record.fail('out-of-memory');
    record.fail('out-of-memory');
  }),
  free: but(() => ({ free: () => {} })),
  'give-back': but((sound) => ({
    free: (request, view, record) => {
      const [start, pages] = [view.extentPfn(request.allocation), view.extentPages(request.allocation)];
      record.free(start, pages);
      if (view.platform.confidential) record.giveBack(start, pages);
      else sound.free(request, view, record);
    },
  })),
  convert: allocating((_request, _view, record) => {
    const start = claimed(4, record);
    record.decrypt(start, 16);
    record.decrypt(start, 16);
  }),
  'may-sleep': allocating((request, view, record, sound) => {
    if (record.mayConvert) sound.allocate(request, view, record);
    else record.decrypt(claimed(4, record), 16);
  }),
  refusals: allocating((_request, _view, record) => record.fail('out-of-memory')),
  keeps: but((sound) => ({
    allocate: (request, view, record) => {
      record.claim(0);
      sound.allocate(request, view, record);
    },
  })),
  deterministic: allocating((request, view, record, sound) => {
    if (count++ % 7 === 0) record.claim(0);
    sound.allocate(request, view, record);
  }),
  'read-only': allocating((request, view, record, sound) => {
    Object.assign(request, { pages: 1 });
    sound.allocate(request, view, record);
  }),
  'throws-nothing': allocating((request, view, record, sound) => {
    if (request.api === 'kmalloc' && view.counter('liveAllocations') > 1) throw new Error('cannot do that');
    sound.allocate(request, view, record);
  }),
};

describe('a policy that breaks a rule', () => {
  it.each(Object.entries(BAD))('is found out: %s', async (rule, factory) => {
    const conformance = await checkConformance(factory, BRIEFLY);
    expect(broken(conformance)).toContain(rule);
  });

  it('is shown by the requests that matter, and what it did', async () => {
    const throwing = BAD['throws-nothing'] as PolicyFactory;
    const { rules } = await checkConformance(throwing, OPTIONS);
    const failure = rules.find(({ rule }) => rule === 'throws-nothing')?.failure;
    expect(failure?.message).toBe('Error: cannot do that');
    expect(failure?.setting).toMatchObject({ platform: 'snp', granulePages: 1, faults: undefined });
    // Two that live, and the one that it does not like.
    expect(failure?.requests).toHaveLength(3);
    expect(failure?.requests[2]).toContain('kmalloc');
  });

  it('is found out again by the same seed', async () => {
    const bad = BAD['may-sleep'] as PolicyFactory;
    expect(await checkConformance(bad, BRIEFLY)).toEqual(await checkConformance(bad, BRIEFLY));
  });
});
