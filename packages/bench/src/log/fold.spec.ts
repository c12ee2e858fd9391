import { InputError } from '@decpool/model';
import { expect, it } from 'vitest';
import { foldBatch, foldBatches, initialColumns } from './fold.ts';
import { shortRun } from './testing.ts';

const RUN = shortRun(8);

it('gives each batch once it was folded, and comes to the state of the run', async () => {
  const columns = initialColumns(RUN.header);
  const given = [];
  for await (const batch of foldBatches('a.log', columns, inTurn())) {
    expect(columns.counters.events).toBe(batch.firstSeq + batch.length);
    given.push(batch);
  }
  expect(given).toEqual(RUN.batches);
  expect(columns.hash()).toBe(RUN.stateHash);
});

it('names the file where an event cannot have happened, and folds nothing of it', () => {
  const columns = initialColumns(RUN.header);
  foldBatch('a.log', columns, RUN.batches[0]);
  const before = columns.hash();
  const refused = () => foldBatch('a.log', columns, RUN.batches[2]);
  expect(refused).toThrow(InputError);
  expect(refused).toThrow(/^a\.log: /);
  expect(columns.hash()).toBe(before);
});

async function* inTurn() {
  yield* RUN.batches;
}
