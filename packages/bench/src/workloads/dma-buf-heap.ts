import { allocateBuffer, drawBufferBytes, type HeapBuffer, releaseBuffer } from './devices/dma-buf-heap.ts';
import { dice, wholeNumber } from './random.ts';
import { Activity, type Span, Timeline } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

export interface DmaBufHeapOptions {
  readonly seed: number;
  /** Programs that allocate buffers. */
  readonly clients: number;
  /** Most buffers that a client holds at a time. */
  readonly buffersPerClient: number;
  /** Buffers that each client allocates in all. */
  readonly buffers: number;
  /** Percent of the buffers that are mapped into their client. */
  readonly mappedPercent: number;
}

export const DMA_BUF_HEAP_DEFAULTS: DmaBufHeapOptions = {
  seed: 1,
  clients: 4,
  buffersPerClient: 8,
  buffers: 100,
  mappedPercent: 50,
};

/** Assumed: a client does something every 5 to 500 ms. */
const CLIENT_GAP_NS: Span = [5_000_000, 500_000_000];

/**
 * Programs that share buffers with the host through the heap `system_cc_shared`, of one page up to 12 MiB, some of
 * which they map. A mapped buffer cannot be converted, nor moved, and pins what it lies in.
 * Throws InputError for settings out of range.
 */
export function dmaBufHeap(options: Partial<DmaBufHeapOptions> = {}): Workload {
  const settings = { ...DMA_BUF_HEAP_DEFAULTS, ...options };
  check(settings);
  const { seed, clients, buffers, mappedPercent } = settings;
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(seed));
  for (let client = 0; client < clients; client++) runClient(guest.fork(), `client${client}`, settings);
  return workload({
    name: 'dma-buf-heap',
    description: `${clients} programs allocate and free ${buffers} buffers each from the heap system_cc_shared.`,
    requests: timeline.requests(),
    notes: [
      `Generated, not recorded: seed ${seed}. Sizes and lifetimes of buffers are assumed. ${mappedPercent} % of the buffers are mapped into user space.`,
      'The heap never falls back to a smaller order.',
    ],
  });
}

function check(settings: DmaBufHeapOptions): void {
  wholeNumber('clients', settings.clients, 1, 1000);
  wholeNumber('buffersPerClient', settings.buffersPerClient, 1, 1000);
  wholeNumber('buffers', settings.buffers, 1, 100_000);
  wholeNumber('mappedPercent', settings.mappedPercent, 0, 100);
}

/** Takes a buffer, or gives any one back, until it has had all of its buffers; then gives back what is left. */
function runClient(guest: Activity, name: string, settings: DmaBufHeapOptions): void {
  const { between } = guest.dice;
  const held: HeapBuffer[] = [];
  const giveBack = () => {
    const [buffer] = held.splice(between(0, held.length - 1), 1);
    releaseBuffer(guest, buffer);
  };
  for (let taken = 0; taken < settings.buffers; ) {
    guest.wait(CLIENT_GAP_NS);
    if (held.length === settings.buffersPerClient || (held.length > 0 && between(1, 3) === 1)) {
      giveBack();
    } else {
      held.push(
        allocateBuffer(guest, name, drawBufferBytes(guest), between(1, 100) <= settings.mappedPercent),
      );
      taken++;
    }
  }
  while (held.length > 0) {
    guest.wait(CLIENT_GAP_NS);
    giveBack();
  }
}
