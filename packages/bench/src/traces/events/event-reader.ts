/** Reads files of trace events: what a format knows about single events is in handlers by their names. */
import { flatCopy } from '../../text/flat-copy.ts';
import type { TraceReader } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { EXPECTED_EVENT, parseStackFrame, parseTraceEvent, STACK_TRACES } from './event-line.ts';
import type { Timestamp } from './timestamps.ts';
import { parseToolLine } from './tool-lines.ts';
import type { TraceEvent } from './trace-event.ts';

/**
 * Uses one event. Returns the expected fields if they are malformed. `stack`, innermost first, is filled when its lines are
 * read, which may be after events of other tasks.
 */
type EventHandler = (event: TraceEvent, stack: readonly string[]) => string | undefined;

/** A handler that uses an event once each of its fields is read; `expected` are the fields, for messages. */
export const fieldHandler =
  <Fields extends object>(
    expected: string,
    readers: { readonly [Name in keyof Fields]: (fields: string) => Fields[Name] | undefined },
    use: (fields: Fields, event: TraceEvent, stack: readonly string[]) => void,
  ): EventHandler =>
  (event, stack) => {
    const read: Partial<Fields> = {};
    for (const name in readers) {
      const value = readers[name](event.fields);
      if (value === undefined) return expected;
      read[name] = value;
    }
    use(read as Fields, event, stack);
    return undefined;
  };

/** Events that are read together, such as an allocation and its free. */
export interface EventFamily {
  readonly handlers: Readonly<Record<string, EventHandler>>;
  /** Whether a handler uses the stack of its event. */
  readonly usesStacks?: true;
  /** Called after the last line, with the time of the last event. */
  end?(last: Timestamp): void;
}

const NO_STACK: readonly string[] = [];

export function eventReader(into: TraceRequests, families: readonly EventFamily[]): TraceReader {
  const handlers = new Map(families.flatMap((family) => Object.entries(family.handlers)));
  const usesStacks = families.some((family) => family.usesStacks);
  /** By task: the stack of its newest event, until its stack trace was read. */
  const stacks = new Map<string, string[]>();
  /** The stack that the next frames belong to: in perf script of the event before them, else of the event that a stack trace names. */
  let stack: string[] | undefined;
  /** Reports of lost events without their number. */
  let gaps = 0;
  let last: Timestamp = 0n;

  function readEvent(event: TraceEvent): string | undefined {
    last = event.at;
    into.runOn(event.cpu);
    if (STACK_TRACES.has(event.event)) {
      stack = stacks.get(event.task);
      stacks.delete(event.task);
      into.ignore('stack trace lines');
      return undefined;
    }
    const handler = handlers.get(event.event);
    if (handler === undefined) {
      stack = undefined;
      if (usesStacks) stacks.delete(event.task);
      into.ignore(event.event);
      return undefined;
    }
    if (usesStacks) {
      stack = [];
      stacks.set(flatCopy(event.task), stack);
    }
    const expected = handler(event, stack ?? NO_STACK);
    return expected === undefined ? undefined : `${event.event}: expected ${expected}`;
  }

  return {
    read(text) {
      const event = parseTraceEvent(text);
      if (event !== undefined) return readEvent(event);
      const tool = parseToolLine(text);
      if (tool !== undefined) {
        into.ignore(tool.lost === 0 ? 'comments' : 'reports of lost events');
        if (tool.lost === undefined) gaps++;
        else into.lost(tool.lost);
        return undefined;
      }
      const frame = parseStackFrame(text);
      if (frame === undefined) return EXPECTED_EVENT;
      stack?.push(frame);
      into.ignore('stack trace lines');
      return undefined;
    },
    end() {
      for (const family of families) family.end?.(last);
      const { lostEvents } = into;
      if (lostEvents > 0 || gaps > 0) into.note(lostNote(lostEvents, gaps));
    },
  };
}

function lostNote(events: number, gaps: number): string {
  const unknown = gaps === 0 ? '' : ` Their number is not known in ${gaps} more reports.`;
  return `${events} events were lost while recording.${unknown} A lost allocation leaves out a request; after a lost free, memory stays allocated too long. So live pages and lifetimes are wrong by an unknown amount. Record with larger buffers (buffer_size_kb, trace-cmd record -b, perf record -m).`;
}
