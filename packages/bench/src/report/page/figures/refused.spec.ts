import { expect, it } from 'vitest';
import { madeHistory } from '../../../history/testing-made.ts';
import { stillView } from '../draw.ts';
import { type Made, madeResults } from '../testing.ts';
import { figuresOf } from './all.ts';
import { blockMapStill } from './block-map-still.ts';

const view = stillView(560, 0, false);
const figure = (made: Made, id: string) =>
  figuresOf({ results: madeResults(made), folder: 'made' }).find((each) => each.id === id);
const policies = { kernel: [0, 0, 0, 6], pool: [0, 0, 2], other: [0, 0, 1] };

const costReading = (made: Made) => figure(made, 'cost')?.reading(view);

it('a policy that refused requests is marked, and its cost is not compared', () => {
  const made = { policies, ranked: [['other'], ['pool']] };
  expect(costReading(made)).toMatch(/from 5 us for other to 10 us for pool/);
  for (const id of ['cost', 'at-a-glance']) {
    expect(
      figure(made, id)
        ?.table(view)
        .rows.map(([policy]) => policy),
    ).toEqual(['kernel *', 'pool', 'other']);
    expect(figure(made, id)?.reading(view)).toContain('*');
  }
});

it('the cost has no range if one policy or none serves every request', () => {
  expect(costReading({ policies, ranked: [['pool']] })).toMatch(/10 us for pool.*\*/);
  expect(costReading({ policies, ranked: [] })).not.toMatch(/\d us/);
  expect(costReading({ policies: { pool: [0, 0, 2] }, ranked: [['pool']] })).toMatch(/10 us for pool\.$/);
});

it('the picture of the block map counts blocks, and unknown ones if there are any', () => {
  const history = madeHistory({ pool: [0, 0, 0] });
  const [run] = history.runs;
  const withState = (state: number) => [{ ...run, blocks: { ...run.blocks, state: [state] } }];
  const reading = (state: number) => blockMapStill('made', history, withState(state), 1).reading;
  expect(reading(2)).toBe('At 1 s: pool has 1 block shared whole and 0 mixed.');
  expect(reading(4)).toBe('At 1 s: pool has 0 blocks shared whole, 0 mixed and 1 unknown or leaked.');
});
