import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Comparison } from '../compare/compare.ts';
import { resultsCsv } from './csv.ts';
import { RESULTS_VERSION, type Results, resultsOf, resultsSchema, resultsText } from './results.ts';
import { tinyComparison } from './testing.ts';

const SCHEMA = fileURLToPath(
  new URL(`../../../../docs/schemas/results-${RESULTS_VERSION}.schema.json`, import.meta.url),
);

/** As docs/schemas has it: JSON Schema, draft 2020-12. */
function resultsSchemaText(): string {
  const schema = z.toJSONSchema(resultsSchema, { target: 'draft-2020-12' });
  const { $schema, ...rest } = schema;
  const document = {
    $schema,
    title: `Results of decpool compare, version ${RESULTS_VERSION}`,
    description:
      'One input. results.json in a results folder is such a document, and decpool compare --json prints one a line. A change that is not only an addition gets a new version.',
    ...rest,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

let comparison: Comparison;
let results: Results;
beforeAll(async () => {
  comparison = await tinyComparison();
  results = resultsOf(comparison, 'decpool compare', (policy) => `logs/${policy}.arrow`);
});

it('the results have every value of every seed, unrounded, under the ids of the metrics', () => {
  expect(results).toMatchObject({
    decpool: 'comparison',
    version: 5,
    command: 'decpool compare',
    seeds: [1, 2, 3],
    bounds: JSON.parse(JSON.stringify(comparison.bounds)),
    input: { requests: 4, requestsHash: comparison.requests },
  });
  for (const [index, policy] of comparison.policies.entries()) {
    const stored = results.policies[index];
    expect(stored).toMatchObject({ policy: policy.policy, isBaseline: index === 0, runs: policy.runs });
    expect(stored.log).toBe(`logs/${policy.policy}.arrow`);
    for (const { metric, spread } of policy.metrics) expect(stored.metrics[metric.id]).toEqual(spread);
  }
});

describe('the published schema', () => {
  const validate = () => new Ajv2020({ allErrors: true }).compile(JSON.parse(readFileSync(SCHEMA, 'utf8')));

  it('is what the code makes', () => {
    expect(readFileSync(SCHEMA, 'utf8')).toBe(resultsSchemaText());
  });

  it('takes what is written, as another validator reads it', () => {
    const check = validate();
    expect(check(JSON.parse(resultsText(results))), JSON.stringify(check.errors)).toBe(true);
  });

  it('takes what a recorded kernel counted, with and without what it could not count', () => {
    const check = validate();
    const sizes = { by4K: 4096, by2M: 2 ** 21, by1G: 0 };
    const counters = { splits2M: 7, splits1G: 0, before: sizes, after: sizes };
    const conversions = { calls: 40, failed: 0, kernel: { splits2M: 5, splits1G: 0 }, rule: undefined };
    const recorded = { kernel: '6.12.95', counters, conversions };
    const document = JSON.parse(
      resultsText(resultsOf({ ...comparison, input: { ...comparison.input, recorded } }, 'decpool compare')),
    );
    expect(check(document), JSON.stringify(check.errors)).toBe(true);
    const { rule: _, ...known } = conversions;
    expect(document.recorded).toEqual({ ...recorded, conversions: known });
  });

  it('refuses another version, a missing figure and a key that it does not know', () => {
    const check = validate();
    const { memory: _, ...incomplete } = results;
    for (const wrong of [{ ...results, version: 2 }, incomplete, { ...results, more: 1 }]) {
      expect(check(JSON.parse(JSON.stringify(wrong)))).toBe(false);
    }
  });
});

describe('the CSV', () => {
  it('is tidy: a line for each metric, policy and seed, with what it is of', () => {
    const [head, ...lines] = resultsCsv([results]).trimEnd().split('\n');
    expect(head).toBe('input,memory,platform,policy,is_baseline,seed,metric,unit,better,value');
    expect(lines).toHaveLength(3 * 2 * results.metrics.length);
    expect(lines[0]).toBe('tiny,fresh boot 64 MiB (made up),snp,gfp-decrypted,1,1,splits-2m,count,lower,1');
  });

  it('quotes what would break a line', () => {
    const hostile = { ...results, input: { ...results.input, name: 'a,"b"\nc' } };
    expect(resultsCsv([hostile]).split('\n')[1]).toBe('"a,""b""');
  });
});
