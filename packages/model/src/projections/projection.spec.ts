import { expect, it } from 'vitest';
import type { EventBatch } from '../events/batch.ts';
import { EVENT_TYPES, type EventType } from '../events/schema.ts';
import { batchOf, EXAMPLE_EVENTS } from '../testing.ts';
import { eventSet } from './event-sets.ts';
import { EventPass, observeAll, type Projection } from './projection.ts';

const BATCH = batchOf(EXAMPLE_EVENTS);
const ALL = EXAMPLE_EVENTS.map(({ type }) => type);

/** Notes in `log` what it is shown. */
class Noted implements Projection {
  readonly sees?: readonly boolean[];
  isDone = false;
  readonly #name: string;
  readonly #log: string[];

  constructor(name: string, log: string[], types?: readonly EventType[]) {
    this.#name = name;
    this.#log = log;
    if (types !== undefined) this.sees = eventSet(...types);
  }

  observe(batch: EventBatch, row: number): void {
    this.#log.push(`${this.#name} ${EVENT_TYPES[batch.typeAt(row)]}`);
  }
}

it('each projection is shown the events that it needs, and without a list of them all', () => {
  const log: string[] = [];
  observeAll(BATCH, [new Noted('all', log), new Noted('some', log, ['pages-freed', 'object-freed'])]);
  expect(log.filter((line) => line.startsWith('all'))).toEqual(ALL.map((type) => `all ${type}`));
  expect(log.filter((line) => line.startsWith('some'))).toEqual(['some pages-freed', 'some object-freed']);
});

it('a projection that reads another comes behind it', () => {
  const log: string[] = [];
  observeAll(BATCH, [new Noted('a', log, ['object-freed']), new Noted('b', log), new Noted('c', log)]);
  expect(log.filter((line) => line.endsWith('object-freed'))).toEqual([
    'a object-freed',
    'b object-freed',
    'c object-freed',
  ]);
});

it('a projection that is done is shown no further batch, and the others are', () => {
  const log: string[] = [];
  const [done, going] = [new Noted('done', log), new Noted('going', log, ['pages-freed'])];
  const pass = new EventPass([done, going]);
  pass.observe(BATCH);
  expect(log).toContain('done pages-freed');
  log.length = 0;
  done.isDone = true;
  pass.observe(BATCH);
  pass.observe(BATCH);
  expect(log).toEqual(['going pages-freed', 'going pages-freed']);
  new EventPass([done]).observe(BATCH);
  expect(log).toHaveLength(2);
});
