import { platformNamed } from '@decpool/model';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ComparedPolicy, Comparison, ComparisonInput } from '../compare/compare.ts';
import { spreadOf } from '../compare/spread.ts';
import type { SanityReport } from '../traces/sanity.ts';
import { cautionsOf, describe as headOf, notesOf } from './facts.ts';
import { tinyComparison } from './testing.ts';

let comparison: Comparison;
beforeAll(async () => {
  comparison = await tinyComparison();
});

/** The policy with another value of one metric, the same for every seed. */
const withValue = (policy: ComparedPolicy, id: string, value: number): ComparedPolicy => ({
  ...policy,
  metrics: policy.metrics.map((compared) =>
    compared.metric.id === id ? { ...compared, spread: spreadOf([value]) } : compared,
  ),
});

it('a policy that refused requests had less to do: a caution, not a note', () => {
  expect(cautionsOf(comparison)).toEqual(['Every policy refused requests, 1 at least.']);
  const [baseline, other] = comparison.policies;
  const policies = [withValue(baseline, 'failures', 0), other];
  expect(cautionsOf({ ...comparison, policies })).toEqual([
    expect.stringMatching(/^first-fit\+immediate refused requests: not ranked/),
  ]);
  expect(notesOf(comparison)).toEqual([
    'one of the buffers is more than the page allocator has in one piece',
    'made up',
  ]);
});

it('lines of a trace that were not understood are a caution, with the first of them', () => {
  const first = [{ line: 7, text: 'x', reason: 'no time' }];
  const sanity = { linesRead: 90, unparsed: { count: 2, first } } as unknown as SanityReport;
  const [, caution] = cautionsOf({ ...comparison, input: { ...comparison.input, sanity } });
  expect(caution).toMatch(/^2 of 90 .*line 7: no time\.$/);
});

it('a request that found no memory is a caution, with what the page source leaves out', () => {
  const cautioned = (compaction: boolean, refused: number, reclaim = false) =>
    cautionsOf({
      ...comparison,
      input: { ...comparison.input, pageSource: { kernel: '6.x', perCpuLists: false, compaction, reclaim } },
      policies: comparison.policies.map((policy) => withValue(policy, 'failures-out-of-memory', refused)),
    }).filter((caution) => caution.startsWith('Out of memory'));
  expect(cautioned(false, 0)).toEqual([]);
  expect(cautioned(false, 3)).toEqual([expect.stringContaining('--no-compaction')]);
  expect(cautioned(true, 3)).toEqual([expect.not.stringContaining('--no-compaction')]);
  expect(cautioned(true, 3, true)).toEqual([]);
});

describe('the head', () => {
  const told = (input: Partial<ComparisonInput>) =>
    headOf({ ...comparison, input: { ...comparison.input, ...input } });
  const mapping = () => {
    const [first] = comparison.input.workload.requests;
    if (first.kind !== 'allocate') throw new Error('the first request of the tiny comparison allocates');
    const request = { ...first, api: 'dma_map', pages: 1, bytes: 66 } as const;
    return { ...comparison.input.workload, requests: [request] };
  };

  it('has the boot pool of bounce buffers in a confidential guest', () => {
    const bounce = (input: Partial<ComparisonInput>) =>
      told(input).flatMap(([label, text]) => (label === 'bounce' ? [text] : []));
    expect(bounce({ workload: mapping(), platform: platformNamed('none') })).toEqual([]);
    expect(bounce({ workload: mapping() })).toEqual([
      expect.stringMatching(/boot pool of 64 MiB, .* every policy .* no column\. Ratios to the bounds /),
    ]);
  });

  it('counts one as one', () => {
    const [, requests] = told({ workload: mapping() });
    expect(requests[1]).toMatch(/^1 allocation, 0 frees, /);
    const faults = { seed: 1, decrypt: 0.1, encrypt: 0, converted: 0, retries: 1 };
    const setting = (retries: number) => new Map(told({ faults: { ...faults, retries } })).get('setting');
    expect(setting(1)).toMatch(/^calls of any size .* set_memory_decrypted\(\) 10 %, .* 0 %, .*, 1 retry /);
    expect(setting(2)).toMatch(/, 2 retries /);
  });

  it('cautions that the failures on snp are not those of a host, which ends the guest', () => {
    const faults = { seed: 1, decrypt: 0.1, encrypt: 0, converted: 0, retries: 1 };
    const cautions = (name: string) =>
      cautionsOf({ ...comparison, input: { ...comparison.input, platform: platformNamed(name), faults } });
    expect(cautions('snp')).toContainEqual(
      expect.stringMatching(/ends a guest on snp\..* -ENOMEM and -EBUSY/),
    );
    expect(cautions('tdx')).not.toContainEqual(expect.stringContaining('ends a guest'));
  });

  it('says of tdx that the kernel avoids the fatal read', () => {
    expect(new Map(told({ platform: platformNamed('tdx') })).get('platform')).toMatch(
      /^tdx\. .*load_unaligned_zeropad\(\) .* fatal\. The kernel /,
    );
  });
});
