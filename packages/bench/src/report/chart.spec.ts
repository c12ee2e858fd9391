import { shortPolicyName } from '@decpool/pool/policy-names';
import { beforeAll, expect, it } from 'vitest';
import { comparisonSvg } from './chart.ts';
import { type Results, resultsOf } from './results.ts';
import { tinyComparison, withValues } from './testing.ts';

let results: Results;
beforeAll(async () => {
  results = resultsOf(await tinyComparison(), 'decpool compare');
});

it('the picture has the short name and the medians of every policy', () => {
  const svg = comparisonSvg(results);
  for (const { policy } of results.policies) expect(svg).toContain(`>${shortPolicyName(policy)} *</text>`);
  expect(svg).toContain(
    '>tiny on snp, memory fresh boot 64 MiB (made up); median of 3 seeds; grey: the baseline</text>',
  );
  expect(svg).toContain('>2M splits</text>');
});

it('the picture marks who refused requests, and nobody where all were served', () => {
  const mark = '* refused requests';
  expect(comparisonSvg(results)).toContain(mark);
  const served = comparisonSvg(withValues(results, 'failures', [[0], [0]]));
  for (const { policy } of results.policies) expect(served).toContain(`>${shortPolicyName(policy)}</text>`);
  expect(served).not.toContain(mark);
});
