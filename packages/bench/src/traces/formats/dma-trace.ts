/**
 * Text of tracefs, `trace-cmd report` or `perf script` of kprobes on dma_alloc_attrs() (cohalloc, its return cohallocr),
 * dma_free_attrs() (cohfree), set_memory_decrypted() (setdec, with a stack trace) and set_memory_encrypted() (setenc).
 * docs/traces.md has the commands that set these probes.
 */

import { flatCopy } from '../../text/flat-copy.ts';
import { fieldOf, MAX_PAGES, wholeNumber } from '../events/event-fields.ts';
import { parseTraceEvent } from '../events/event-line.ts';
import { type EventFamily, eventReader, fieldHandler } from '../events/event-reader.ts';
import { addressSpace, kernelAddress, pageNumber } from '../events/kernel-address.ts';
import type { TraceFormat } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { type DmaAllocation, dmaBuffers } from './dma-buffers.ts';

/** Names of the probes on conversions: ours, that of `perf probe`, and that of tracefs for a probe without a name. */
const DECRYPTED = ['setdec', 'set_memory_decrypted', 'p_set_memory_decrypted_0'];
const ENCRYPTED = ['setenc', 'set_memory_encrypted', 'p_set_memory_encrypted_0'];
const PROBES: ReadonlySet<string> = new Set(['cohalloc', 'cohallocr', 'cohfree', ...DECRYPTED, ...ENCRYPTED]);

const namedAll = <Handler>(names: readonly string[], handler: Handler): Record<string, Handler> =>
  Object.fromEntries(names.map((name) => [name, handler]));

export const dmaTrace: TraceFormat = {
  name: 'dma-trace',
  description: 'Coherent DMA buffers of real drivers, recorded while devices were hot-plugged.',
  example:
    'kworker/u4:1-25  [000] .....  7.421072: setdec: (set_memory_decrypted+0x0/0x50) addr=0xffff88810dabf000 npages=1',
  takesShared: false,
  recognises: (text) => PROBES.has(parseTraceEvent(text)?.event ?? ''),
  reader: (into) => eventReader(into, [probeEvents(into)]),
};

/** A note names at most so many. */
const MODULES_NAMED = 10;

/** A stack trace comes at most so many conversions after its own. */
const WAITING = 1000;

/** Other events are ignored: dma_alloc and dma_free are the buffers of the probes, streaming maps have no probe. */
function probeEvents(into: TraceRequests): EventFamily {
  const buffers = dmaBuffers(into);
  /** In the order of the file. They wait, because stack traces may come after events of other CPUs. */
  const conversions: (() => void)[] = [];
  const convert = (count: number) => {
    for (const conversion of conversions.splice(0, count)) conversion();
  };
  function wait(cpu: number, conversion: () => void): void {
    conversions.push(() => {
      into.runOn(cpu);
      conversion();
    });
    if (conversions.length === 2 * WAITING) convert(WAITING);
  }
  const unloaded = new Set<string>();
  /** By task: its dma_alloc_attrs() call, until that converts memory or returns. */
  const calls = new Map<string, DmaAllocation>();
  return {
    usesStacks: true,
    handlers: {
      cohalloc: fieldHandler('dev="DEVICE" size=BYTES', { call: callOf }, ({ call }, { task }) => {
        if (calls.has(task)) into.ignore('cohalloc served elsewhere');
        calls.set(task, call);
      }),
      cohallocr: fieldHandler(EXPECTED_POINTER, { pointer: pointerOf }, ({ pointer }, { task }) => {
        const isOpen = calls.delete(task);
        const isFailed = pointer === '0x0';
        if (isOpen) into.ignore(isFailed ? 'cohalloc that failed' : 'cohalloc served elsewhere');
        if (isOpen && isFailed) into.failed();
        else into.ignore('cohallocr');
      }),
      cohfree: fieldHandler(EXPECTED_POINTER, { pointer: pointerOf }, ({ pointer }) =>
        into.ignore(pointer === '0x0' ? 'cohfree of 0x0' : 'cohfree'),
      ),
      module_free: fieldHandler('the name of a module', { module: moduleOf }, ({ module }) => {
        if (unloaded.size <= MODULES_NAMED) unloaded.add(flatCopy(module));
        into.ignore('module_free');
      }),
      ...namedAll(
        DECRYPTED,
        fieldHandler(EXPECTED_RANGE, { range: rangeOf }, ({ range }, { task, at, cpu }, stack) => {
          const call = calls.get(task);
          if (calls.delete(task)) into.ignore('cohalloc (size of a setdec)');
          wait(cpu, () => buffers.decrypted({ at, ...range }, call, stack));
        }),
      ),
      ...namedAll(
        ENCRYPTED,
        fieldHandler(EXPECTED_RANGE, { range: rangeOf }, ({ range }, { at, cpu }) =>
          wait(cpu, () => buffers.encrypted({ at, ...range })),
        ),
      ),
    },
    end() {
      if (calls.size > 0) into.ignore('cohalloc served elsewhere', calls.size);
      convert(conversions.length);
      buffers.end();
      if (unloaded.size > 0) into.note(unloadedNote([...unloaded]));
    },
  };
}

function callOf(fields: string): DmaAllocation | undefined {
  const match = /dev="([^"]*)" size=(\d+)/.exec(fields);
  return match === null ? undefined : { device: match[1], bytes: Number(match[2]) };
}

const moduleOf = (fields: string) => /^\w+/.exec(fields)?.[0];

/** Tools look up names when they print: tracefs after the recording, bpftrace by what it knew of the module at first. */
function unloadedNote(modules: readonly string[]): string {
  const named =
    modules.slice(0, MODULES_NAMED).join(', ') + (modules.length > MODULES_NAMED ? ' and more' : '');
  return `Modules were unloaded while recording: ${named}. Names of their functions, which are part of owners, can be wrong.`;
}

const EXPECTED_POINTER = 'cpu_addr=0xADDRESS';
const pointerOf = (fields: string) => /cpu_addr=(0x[0-9a-f]+)/.exec(fields)?.[1];

const EXPECTED_RANGE = 'addr=0xADDRESS npages=N with a kernel address of 16 digits';

interface TracedRange {
  readonly page: number;
  readonly pages: number;
  readonly space: ReturnType<typeof addressSpace>;
}

function rangeOf(fields: string): TracedRange | undefined {
  const address = kernelAddress(fieldOf(fields, 'addr'));
  const count = fieldOf(fields, 'npages');
  // perf probe prints arguments in hexadecimal.
  const hex = count !== undefined && /^0x[0-9a-f]{1,8}$/.test(count);
  const pages = wholeNumber(hex ? String(Number(count)) : count, MAX_PAGES);
  if (address === undefined || pages === undefined || pages === 0) return undefined;
  const vmallocBase = kernelAddress(fieldOf(fields, 'vmalloc_base'));
  return { page: pageNumber(address), pages, space: addressSpace(address, vmallocBase) };
}
