/** Reading by families of events that the spec makes up. */
import { describe, expect, it } from 'vitest';
import { readLine } from '../format.ts';
import { TraceRequests } from '../trace-requests.ts';
import { type EventFamily, eventReader, fieldHandler } from './event-reader.ts';

const line = (text: string, task = 'dd-166', seconds = '1.000005') =>
  `  ${task}  [003] ..... ${seconds}: ${text}`;
const FRAME = (name: string) => ` => ${name}+0x4/0x70`;

/** A family of one event that is called as it, and what its handler was called with. */
function family(name: string, usesStacks = true) {
  const seen: [fields: string, stack: readonly string[]][] = [];
  const ends: bigint[] = [];
  const known: EventFamily = {
    handlers: { [name]: ({ fields }, stack) => void seen.push([fields, stack]) },
    ...(usesStacks ? { usesStacks } : {}),
    end: (last) => void ends.push(last),
  };
  return { known, seen, ends };
}

function readAll(families: readonly EventFamily[], lines: readonly string[]) {
  const into = new TraceRequests();
  const reader = eventReader(into, families);
  for (const text of lines) readLine(reader, into, text);
  reader.end();
  return { report: into.report(), notes: into.notes };
}

describe('the stack of an event', () => {
  it('are the frames behind it, as perf script prints them, up to the next event', () => {
    const { known, seen } = family('alloc');
    const { report } = readAll(
      [known],
      [
        line('alloc: a'),
        FRAME('f'),
        FRAME('g'),
        line('other: x'),
        FRAME('h'),
        line('alloc: b'),
        line('alloc: c'),
        FRAME('i'),
      ],
    );
    expect(seen).toEqual([
      ['a', ['f', 'g']],
      ['b', []],
      ['c', ['i']],
    ]);
    expect(report.ignored).toEqual({ other: 1, 'stack trace lines': 4 });
  });

  it('is named by the task of the event, as tracefs does, and is the one of its newest event, once', () => {
    const { known, seen } = family('alloc');
    const stackOf = (task: string, frame: string) => [line('<stack trace>', task), FRAME(frame)];
    const { report } = readAll(
      [known],
      [
        ...[line('alloc: old'), line('alloc: dd'), line('alloc: cat', 'cat-7')],
        ...[...stackOf('dd-166', 'f'), ...stackOf('cat-7', 'g')],
        // Nobody waits for these any more.
        ...[...stackOf('dd-166', 'h'), ...stackOf('sh-1', 'i')],
        // These are of an event that nobody reads.
        ...[line('alloc: late'), line('other: x'), ...stackOf('dd-166', 'k')],
      ],
    );
    expect(seen).toEqual([
      ['old', []],
      ['dd', ['f']],
      ['cat', ['g']],
      ['late', []],
    ]);
    expect(report.ignored).toEqual({ other: 1, 'stack trace lines': 10 });
  });

  it('is read for all families if one uses it, and for none if none does', () => {
    const [one, other] = [family('alloc'), family('free', false)];
    readAll([one.known, other.known], [line('free: a'), FRAME('f'), line('alloc: b'), FRAME('g')]);
    expect([other.seen, one.seen]).toEqual([[['a', ['f']]], [['b', ['g']]]]);
    const alone = family('free', false);
    readAll([alone.known], [line('free: a'), FRAME('f'), line('<stack trace>'), FRAME('g')]);
    expect(alone.seen).toEqual([['a', []]]);
  });
});

describe('the end of a trace', () => {
  it('is told to each family with the time of the last event, read or not', () => {
    const all = [family('alloc'), family('free')];
    const families = all.map(({ known }) => known);
    readAll(families, [line('alloc: a'), line('other: b', 'dd-166', '2.000007'), '# a comment']);
    expect(all.map(({ ends }) => ends)).toEqual([[2_000_007_000n], [2_000_007_000n]]);
    const none = family('alloc');
    readAll([none.known], []);
    expect(none.ends).toEqual([0n]);
  });

  it('has a note on events that were lost, and on reports without their number', () => {
    const start = (lines: readonly string[]) =>
      readAll([], lines).notes.map((note) => note.split('. A lost')[0]);
    expect(start([])).toEqual([]);
    expect(start(['# tracer: nop', 'CPU:1 [LOST 0 EVENTS]'])).toEqual([]);
    expect(start(['CPU:1 [LOST 12 EVENTS]', 'CPU:0 [LOST 1 EVENTS]'])).toEqual([
      '13 events were lost while recording',
    ]);
    expect(start(['CPU:1 [LOST EVENTS]', 'CPU:1 [LOST 2 EVENTS]', 'CPU:1 [LOST EVENTS]'])).toEqual([
      '2 events were lost while recording. Their number is not known in 2 more reports',
    ]);
    expect(start(['CPU:1 [LOST EVENTS]'])).toEqual([
      '0 events were lost while recording. Their number is not known in 1 more reports',
    ]);
  });

  it('counts reports of lost events apart from comments', () => {
    const { report } = readAll(
      [],
      ['# tracer: nop', 'CPU:1 [LOST EVENTS]', 'CPU:1 [LOST 2 EVENTS]', '# b', '# c'],
    );
    expect(report.ignored).toEqual({ comments: 3, 'reports of lost events': 2 });
    expect(report.lostEvents).toBe(2);
  });
});

it('what no tool prints, and an event with other fields, are lines that are not understood', () => {
  const seen: unknown[] = [];
  const number = (fields: string) => (/^\d+$/.test(fields) ? Number(fields) : undefined);
  const families: EventFamily[] = [
    {
      handlers: {
        free: fieldHandler(
          'a number',
          { size: number },
          ({ size }, event) => void seen.push([size, event.cpu]),
        ),
      },
    },
  ];
  const { report } = readAll(families, [line('free: 12'), line('free: x'), 'what?']);
  expect(seen).toEqual([[12, 3]]);
  expect(report.unparsed).toMatchObject({
    count: 2,
    first: [
      { line: 2, reason: 'free: expected a number' },
      { line: 3, text: 'what?', reason: expect.stringMatching(/^not a line of tracefs /) },
    ],
  });
});
