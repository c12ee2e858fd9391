/**
 * The one reducer of both backends. Each fold first proves that the event can have happened (no page in two allocations, no
 * leaked page handed out, no conversion across a large page that was not split, ...) and only then writes. So an event that
 * breaks a rule throws InvariantError and leaves the state as it was.
 */
import { allocateColumns, type EventColumns } from '../../events/columns.ts';
import { EVENT_TYPES, type EventType, TYPE } from '../../events/schema.ts';
import type { Editor } from '../editor.ts';
import { type BlockLayout, blockLayout } from '../layout.ts';
import { pagesAllocated, pagesFreed } from './allocations.ts';
import { vmAreaChanged } from './areas.ts';
import {
  backgroundChanged,
  blockCompacted,
  othersChanged,
  pagesClaimed,
  pagesLeaked,
  pagesReturned,
} from './claims.ts';
import { ConversionWalk, conversionFailed, pagesConverted, vmAreaConverted } from './conversions.ts';
import { contiguousSplit, largePageRestored, largePageSplit } from './entries.ts';
import { objectAllocated, objectFreed, slabCreated, slabDestroyed } from './objects.ts';
import {
  allocationFailed,
  allocationRequested,
  freeRequested,
  ownerRegistered,
  requestSkipped,
  userMappingChanged,
} from './requests.ts';
import { refuse, type Step } from './step.ts';

type Fold = (step: Step) => void;

const FOLDS: Readonly<Record<EventType, Fold>> = {
  'owner-registered': ownerRegistered,
  'allocation-requested': allocationRequested,
  'free-requested': freeRequested,
  'pages-claimed': pagesClaimed,
  'pages-returned': pagesReturned,
  'large-page-split': largePageSplit,
  'large-page-restored': largePageRestored,
  'pages-decrypted': (step) => pagesConverted(step, 'decrypt'),
  'pages-encrypted': (step) => pagesConverted(step, 'encrypt'),
  'conversion-failed': conversionFailed,
  'pages-allocated': pagesAllocated,
  'pages-freed': pagesFreed,
  'allocation-failed': allocationFailed,
  'pages-leaked': pagesLeaked,
  'slab-created': slabCreated,
  'slab-destroyed': slabDestroyed,
  'object-allocated': objectAllocated,
  'object-freed': objectFreed,
  'vm-area-mapped': (step) => vmAreaChanged(step, true),
  'vm-area-unmapped': (step) => vmAreaChanged(step, false),
  'vm-area-decrypted': (step) => vmAreaConverted(step, 'decrypt'),
  'vm-area-encrypted': (step) => vmAreaConverted(step, 'encrypt'),
  'contiguous-split': contiguousSplit,
  'user-mapped': (step) => userMappingChanged(step, true),
  'user-unmapped': (step) => userMappingChanged(step, false),
  'background-allocated': backgroundChanged,
  'background-freed': backgroundChanged,
  'reserve-refilled': ({ editor }) => editor.counters.refills++,
  'block-compacted': blockCompacted,
  'request-skipped': requestSkipped,
  'background-failed': () => {},
  'page-table-allocated': othersChanged,
  'page-table-freed': othersChanged,
  'pages-reclaimed': othersChanged,
  'request-stalled': () => {},
  'atomic-pool-grown': () => {},
  'boot-pools-made': () => {},
};

/** By type code. */
const FOLD_OF_CODE: readonly Fold[] = EVENT_TYPES.map((type) => FOLDS[type]);

/** Before the first row. */
const NO_COLUMNS = allocateColumns(0);

/** Folds rows into the state of one editor. */
export class Evolver implements Step {
  readonly editor: Editor;
  readonly layout: BlockLayout;
  columns: EventColumns = NO_COLUMNS;
  row = 0;
  readonly walk: ConversionWalk;

  constructor(editor: Editor) {
    this.editor = editor;
    this.layout = blockLayout(editor.geometry);
    this.walk = new ConversionWalk(this);
  }

  /** Folds one row. Throws InvariantError, with the state unchanged, if the event cannot have happened. */
  evolve(columns: EventColumns, row: number): void {
    this.columns = columns;
    this.row = row;
    const { counters } = this.editor;
    const time = columns.time[row];
    if (!(time >= counters.time)) refuse(this, `time goes back from ${counters.time} ns to ${time} ns`);
    if (!Number.isSafeInteger(time)) refuse(this, `its time is ${time}, not whole ns`);
    const type = columns.type[row];
    // The folds of most events are called by name, so that an engine can inline them.
    switch (type) {
      case TYPE.allocationRequested:
        allocationRequested(this);
        break;
      case TYPE.pagesAllocated:
        pagesAllocated(this);
        break;
      case TYPE.freeRequested:
        freeRequested(this);
        break;
      case TYPE.pagesFreed:
        pagesFreed(this);
        break;
      default:
        if (type >= FOLD_OF_CODE.length) refuse(this, 'there is no event type with this code');
        FOLD_OF_CODE[type](this);
    }
    counters.events++;
    counters.time = time;
  }
}
