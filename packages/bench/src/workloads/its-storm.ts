import { orderFor } from '@decpool/model';
import { defineGuest } from './define.ts';
import { createItt, ITT_ENTRY_BYTES, MAX_VECTORS } from './devices/gic-its.ts';
import type { Activity, Lease, Span } from './timeline.ts';

/** Assumed: 1 to 10 s between waves. */
const WAVE_GAP_NS: Span = [1_000_000_000, 10_000_000_000];

/**
 * Many PCI functions come and go. A policy either packs their tables or gives each a page of its own. Each wave leaves some
 * functions of earlier waves, so that pages with a single table remain.
 */
export const itsStorm = defineGuest({
  name: 'its-storm',
  description:
    'PCI functions come and go in waves. Each has an interrupt translation table of 256 bytes to 4 KiB.',
  platform: 'cca',
  parameters: {
    functions: {
      default: 1024,
      min: 1,
      max: 65_536,
      about: 'PCI functions: the virtual functions of devices with SR-IOV',
    },
    waves: { default: 8, min: 0, max: 1000, about: 'times that a part of the functions goes and comes back' },
    entryBytes: ITT_ENTRY_BYTES,
    maxVectors: {
      default: 512,
      min: 1,
      max: MAX_VECTORS,
      isPowerOfTwo: true,
      about: 'most interrupt vectors of a function',
    },
  },
  run(guest, { functions, waves, entryBytes, maxVectors }) {
    const tables = new Map<number, Lease>();
    const enable = () => {
      for (let pciFunction = 0; pciFunction < functions; pciFunction++) {
        if (tables.has(pciFunction)) continue;
        tables.set(pciFunction, createItt(guest, pciFunction, drawVectors(guest, maxVectors), entryBytes));
      }
    };
    const remove = (percent: number) => {
      for (const [pciFunction, table] of [...tables]) {
        if (guest.dice.between(1, 100) > percent) continue;
        guest.freeAll([table]);
        tables.delete(pciFunction);
      }
    };
    enable();
    for (let wave = 0; wave < waves; wave++) {
      guest.wait(WAVE_GAP_NS);
      remove(guest.dice.between(20, 95));
      guest.wait(WAVE_GAP_NS);
      enable();
    }
    guest.wait(WAVE_GAP_NS);
    remove(100);
  },
  text: ({ seed, functions, waves, entryBytes, maxVectors }) => ({
    description: `The interrupt translation tables of ${functions} PCI functions come and go in ${waves} waves.`,
    notes: [
      `Generated from the kernel's sizes, not recorded: entries of ${entryBytes} bytes, seed ${seed}. Each table has a random number of vectors, 1 to ${maxVectors}; small numbers are more frequent. Each wave removes 20 to 95 % of the functions.`,
    ],
  }),
});

/** Each power of two up to the most is as likely as the limit: few vectors are drawn more often than many. */
function drawVectors({ dice: { between } }: Activity, maxVectors: number): number {
  return between(1, 1 << between(0, orderFor(maxVectors)));
}
