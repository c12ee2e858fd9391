import { defineGuest } from './define.ts';
import { allocateBuffer, drawBufferBytes, type HeapBuffer, releaseBuffer } from './devices/dma-buf-heap.ts';
import type { Activity, Span } from './timeline.ts';

/** Assumed: a client does something every 5 to 500 ms. */
const CLIENT_GAP_NS: Span = [5_000_000, 500_000_000];

/**
 * Programs that share buffers of one page to 12 MiB with the host. A buffer mapped into user space cannot be converted, and
 * pins its block.
 */
export const dmaBufHeap = defineGuest({
  name: 'dma-buf-heap',
  description: 'Programs allocate, map and free buffers of the heap system_cc_shared: orders 8, 4 and 0.',
  parameters: {
    clients: { default: 4, min: 1, max: 1000, about: 'programs that allocate buffers' },
    buffersPerClient: { default: 8, min: 1, max: 1000, about: 'most buffers that a client holds at a time' },
    buffers: { default: 100, min: 1, max: 100_000, about: 'buffers that each client allocates in all' },
    mappedPercent: {
      default: 50,
      min: 0,
      max: 100,
      unit: '%',
      about: 'share of the buffers that are mapped into their client',
    },
  },
  run(guest, settings) {
    for (let client = 0; client < settings.clients; client++) {
      runClient(guest.fork(), `client${client}`, settings);
    }
  },
  text: ({ seed, clients, buffers, mappedPercent }) => ({
    description: `${clients} programs allocate and free ${buffers} buffers each from the heap system_cc_shared.`,
    notes: [
      `Generated, not recorded: seed ${seed}. Sizes and lifetimes of buffers are assumed. ${mappedPercent} % of the buffers are mapped into user space.`,
      'If there is no chunk of an order, the heap takes smaller ones.',
    ],
  }),
});

/** Takes a buffer, or gives any one back, until it has had all of its buffers; then gives back what is left. */
function runClient(
  guest: Activity,
  name: string,
  {
    buffers,
    buffersPerClient,
    mappedPercent,
  }: Readonly<Record<'buffers' | 'buffersPerClient' | 'mappedPercent', number>>,
): void {
  const { between } = guest.dice;
  const held: HeapBuffer[] = [];
  const giveBack = () => releaseBuffer(guest, held.splice(between(0, held.length - 1), 1)[0]);
  for (let taken = 0; taken < buffers; ) {
    guest.wait(CLIENT_GAP_NS);
    if (held.length === buffersPerClient || (held.length > 0 && between(1, 3) === 1)) {
      giveBack();
    } else {
      held.push(allocateBuffer(guest, name, drawBufferBytes(guest), between(1, 100) <= mappedPercent));
      taken++;
    }
  }
  while (held.length > 0) {
    guest.wait(CLIENT_GAP_NS);
    giveBack();
  }
}
