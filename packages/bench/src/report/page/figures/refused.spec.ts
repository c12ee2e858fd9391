import { expect, it } from 'vitest';
import { stillView } from '../draw.ts';
import { type Made, madeHistory, madeResults } from '../testing.ts';
import { figuresOf } from './all.ts';
import { blockMapStill } from './block-map-still.ts';

const view = stillView(560, 0, false);
const figure = (made: Made, id: string) =>
  figuresOf({ results: madeResults(made), folder: 'made' }).find((each) => each.id === id);
const policies = { kernel: [0, 0, 0, 6], pool: [0, 0, 2], other: [0, 0, 1] };

it('who refused requests has no part in least and most, and is marked', () => {
  const made = { policies, ranked: [['other'], ['pool']] };
  expect(figure(made, 'cost')?.reading(view)).toBe(
    'Under these weights other comes to the least, 5 us, and pool to the most, 10 us, of those that serve every request; * marks those that refused some, whose times are of less work.',
  );
  for (const id of ['cost', 'at-a-glance']) {
    expect(
      figure(made, id)
        ?.table(view)
        .rows.map(([policy]) => policy),
    ).toEqual(['kernel *', 'pool', 'other']);
  }
  expect(figure(made, 'at-a-glance')?.reading(view)).toContain('* marks policies that refused requests');
});

it('one that serves every request, or none, has nobody to be compared with', () => {
  expect(figure({ policies, ranked: [['pool']] }, 'cost')?.reading(view)).toContain(
    'pool comes to 10 us, the only one to serve every request',
  );
  expect(figure({ policies, ranked: [] }, 'cost')?.reading(view)).toContain('Every policy refused requests');
  expect(figure({ policies: { pool: [0, 0, 2] }, ranked: [['pool']] }, 'cost')?.reading(view)).toBe(
    'Under these weights pool comes to 10 us.',
  );
});

it('the still tells of unknown blocks where there are any, and of one block as one', () => {
  const history = madeHistory({ pool: [0, 0, 0] });
  const [run] = history.runs;
  const withState = (state: number) => [{ ...run, blocks: { ...run.blocks, state: [state] } }];
  const reading = (state: number) => blockMapStill('made', history, withState(state), 1).reading;
  expect(reading(2)).toBe('At 1 s: pool has 1 block shared whole and 0 mixed.');
  expect(reading(4)).toBe('At 1 s: pool has 0 blocks shared whole, 0 mixed and 1 unknown or leaked.');
});
