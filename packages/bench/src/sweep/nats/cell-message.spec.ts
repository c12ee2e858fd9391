import { platformNamed } from '@decpool/model';
import { expect, it } from 'vitest';
import { cellMessageSchema, formText, presenceSchema, resultMessageSchema } from './cell-message.ts';

const HASH = '0123456789abcdef'.repeat(4);
const CELL = {
  ...{
    key: 'a|b',
    input: HASH,
    memory: HASH,
    policy: { name: 'p' },
    platform: platformNamed('snp'),
    seed: 0,
  },
  settings: { isSwiotlbDynamic: true },
};
const RESULT = { key: 'a|b', outcome: { refused: 'no' }, seconds: 0, deliveries: 0 };
const SERVED = { events: 0, stateHash: 'x', metrics: {} };

it.each([
  ['a cell', cellMessageSchema, CELL],
  ['a cell of a policy file', cellMessageSchema, { ...CELL, policy: { file: HASH, given: './p.ts' } }],
  ['a refusal', resultMessageSchema, RESULT],
  ['a failure', resultMessageSchema, { ...RESULT, outcome: { failed: 'why' } }],
  ['a worker', presenceSchema, { worker: 'w', threads: 0 }],
])('%s comes as it was sent', (_, schema, message) => {
  expect(schema.parse(JSON.parse(JSON.stringify(message)))).toEqual(message);
});

it.each([
  ['a seed', cellMessageSchema, { ...CELL, seed: -1 }],
  ['a seed', cellMessageSchema, { ...CELL, seed: 0.5 }],
  ['a hash', cellMessageSchema, { ...CELL, input: HASH.slice(1) }],
  ['a hash', cellMessageSchema, { ...CELL, memory: `../${HASH.slice(3)}` }],
  ['a policy', cellMessageSchema, { ...CELL, policy: { name: 'p', file: HASH, given: 'p' } }],
  ['a platform', cellMessageSchema, { ...CELL, platform: { name: 'snp' } }],
  ['deliveries', resultMessageSchema, { ...RESULT, deliveries: -1 }],
  ['an outcome', resultMessageSchema, { ...RESULT, outcome: { refused: 'no', failed: 'why' } }],
  ['metrics', resultMessageSchema, { ...RESULT, outcome: { ...SERVED, metrics: { splits: '1' } } }],
  ['threads', presenceSchema, { worker: 'w', threads: -1 }],
])('%s is refused in another form', (_, schema, message) => {
  expect(schema.safeParse(message).success).toBe(false);
});

it('what is wrong with a message is told in a line', () => {
  const told = (parse: () => unknown) => {
    try {
      return parse();
    } catch (error) {
      return formText(error);
    }
  };
  expect(told(() => resultMessageSchema.parse({ ...RESULT, seconds: 'x' }))).toMatch(
    /^seconds: Invalid input.*$/,
  );
  expect(told(() => JSON.parse('{'))).toMatch(/JSON/);
});
