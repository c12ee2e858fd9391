import { orderFor } from '@decpool/model';
import { createItt, MAX_ITT_ENTRY_BYTES, MAX_VECTORS } from './devices/gic-its.ts';
import { dice, powerOfTwo, wholeNumber } from './random.ts';
import { Activity, type Lease, type Span, Timeline } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

export interface ItsStormOptions {
  readonly seed: number;
  /** PCI functions: the virtual functions of devices with SR-IOV. */
  readonly functions: number;
  /** How often a part of the functions goes and comes back. */
  readonly waves: number;
  /** Bytes of an entry of a table; the ITS says. */
  readonly entryBytes: number;
  /** Most vectors of a function, a power of two. */
  readonly maxVectors: number;
}

export const ITS_STORM_DEFAULTS: ItsStormOptions = {
  seed: 1,
  functions: 1024,
  waves: 8,
  entryBytes: 8,
  maxVectors: 512,
};

/** Assumed: 1 to 10 s between waves. */
const WAVE_GAP_NS: Span = [1_000_000_000, 10_000_000_000];

/**
 * Many PCI functions that come and go: an interrupt translation table of 256 bytes or a little more for each, which a
 * policy either packs or gives a shared page of its own. After every wave some functions are left of those before, so
 * that pages with a single table remain.
 * Throws InputError for settings out of range.
 */
export function itsStorm(options: Partial<ItsStormOptions> = {}): Workload {
  const settings = { ...ITS_STORM_DEFAULTS, ...options };
  check(settings);
  const { seed, functions, waves, entryBytes } = settings;
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(seed));
  const tables = new Map<number, Lease>();
  const enable = () => {
    for (let pciFunction = 0; pciFunction < functions; pciFunction++) {
      if (tables.has(pciFunction)) continue;
      tables.set(pciFunction, createItt(guest, pciFunction, drawVectors(guest, settings), entryBytes));
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
  return workload({
    name: 'its-storm',
    description: `The interrupt translation tables of ${functions} PCI functions come and go in ${waves} waves.`,
    requests: timeline.requests(),
    notes: [
      `Generated from the kernel's sizes, not recorded: entries of ${entryBytes} bytes, seed ${seed}. Each table has a random number of vectors, 1 to ${settings.maxVectors}; small numbers are more frequent. Each wave removes 20 to 95 % of the functions.`,
    ],
  });
}

function check(settings: ItsStormOptions): void {
  wholeNumber('functions', settings.functions, 1, 65_536);
  wholeNumber('waves', settings.waves, 0, 1000);
  wholeNumber('entryBytes', settings.entryBytes, 1, MAX_ITT_ENTRY_BYTES);
  powerOfTwo('maxVectors', settings.maxVectors, 1, MAX_VECTORS);
}

/** Each power of two up to the most is as likely as the limit: few vectors are drawn more often than many. */
function drawVectors({ dice: { between } }: Activity, { maxVectors }: ItsStormOptions): number {
  return between(1, 1 << between(0, orderFor(maxVectors)));
}
