/** `decpool validate --exact`: a recorded request sequence beside the model's page allocator, page by page. */
import { basename, dirname, resolve } from 'node:path';
import { InputError } from '@decpool/model';
import type { FreePlace } from '@decpool/pool/internal';
import { walkedDirectMap } from '../../traces/memory-state/direct-map-start.ts';
import { type Freelists, freelistsAt, readFreelists } from '../../traces/memory-state/freelists.ts';
import { folderFiles } from '../../traces/memory-state/proc-files.ts';
import { Replay, type Served } from './driver.ts';
import { KNOWN_DIFFERENCES } from './known.ts';
import { areSplitsExplained, type SplitsResult, splitsOf } from './splits.ts';

/** A recorded sequence with the state before it. */
export interface ExactRun extends Freelists {
  /** A walk of the page tables was recorded beside the lists. Default: no, so the direct map is assumed as at boot. */
  readonly isDirectMapKnown?: boolean;
}

/** Requests, and those of them for which the model gives the kernel's page. */
export interface Count {
  readonly same: number;
  readonly all: number;
}

/** With the name of the zone. */
export type NamedPlace = Omit<FreePlace, 'zone'> & { readonly zone: string };

/** A page, and the list that the model had it in before the request. */
export interface PlacedPage {
  /** 0: none. */
  readonly pfn: number;
  /** Undefined: the model had it in use. */
  readonly place: NamedPlace | undefined;
}

/** The first request for which the model gives another page. */
export interface Difference {
  readonly line: number;
  /** Number of the request among the sequence's, or among those of others. */
  readonly request: number;
  readonly isOwn: boolean;
  readonly order: number;
  readonly cpu: number;
  readonly kernel: PlacedPage;
  readonly model: PlacedPage;
}

export interface ExactResult {
  /** `k73/fresh-mix-1`. */
  readonly run: string;
  /** Kernel and run, as the file's first line has them. */
  readonly name: string;
  /** The requests of the sequence, and those of other tasks. */
  readonly own: Count;
  readonly others: Count;
  readonly difference: Difference | undefined;
  /** If pages were converted. */
  readonly splits: SplitsResult | undefined;
  /** Why pages differ, if that is known. */
  readonly knownReason: string | undefined;
  /** No difference, or a known one. */
  readonly passes: boolean;
}

/** `path`: a folder with freelists.gz, or such a file; a `directmap` beside it is the start of the direct map. Throws InputError with file and line. */
export function readRun(path: string): ExactRun {
  const file = freelistsAt(path);
  if (file === undefined) {
    throw new InputError(
      `${path}: no freelists.gz in it; expected the folder of a run, or its freelists v1 file`,
    );
  }
  const recording = readFreelists(file);
  const directMap = walkedDirectMap(folderFiles(dirname(file)));
  if (directMap === undefined) return recording;
  return { ...recording, memory: { ...recording.memory, directMap }, isDirectMapKnown: true };
}

export function validateRun(recording: ExactRun): ExactResult {
  const { file, header, steps, isDirectMapKnown = false } = recording;
  const replay = new Replay(recording);
  replay.run();
  const own = replay.served.filter(({ step }) => step.kind === 'allocate');
  const others = replay.served.filter(({ step }) => step.kind === 'allocate-other');
  const counts = { own: countSame(own), others: countSame(others) };
  const splits = header.isConverting
    ? { ...splitsOf(replay.conversions, steps, dirname(file)), isDirectMapKnown }
    : undefined;
  const known = KNOWN_DIFFERENCES[header.name];
  const isSame = counts.own.same === counts.own.all;
  return {
    run: runLabel(file),
    name: header.name,
    ...counts,
    difference: firstDifference(recording, own) ?? firstDifference(recording, others),
    splits,
    knownReason: known?.reason,
    passes:
      counts.own.same >= (known?.own ?? counts.own.all) &&
      counts.others.same >= (known?.others ?? counts.others.all) &&
      (!isSame || splits === undefined || areSplitsExplained(splits)),
  };
}

const isSamePage = ({ pfn, step }: Served): boolean => pfn === step.pfn;

const countSame = (served: readonly Served[]): Count => ({
  same: served.filter(isSamePage).length,
  all: served.length,
});

/** Runs the sequence again up to before the request, to see where the pages were. */
function firstDifference(recording: Freelists, served: readonly Served[]): Difference | undefined {
  const request = served.findIndex((each) => !isSamePage(each));
  if (request < 0) return undefined;
  const { step, cpu, pfn } = served[request];
  const replay = new Replay(recording);
  replay.run(step);
  const placed = (page: number): PlacedPage => {
    const place = replay.allocator.buddy.lists.placeOf(page);
    const zone = place === undefined ? '' : recording.memory.zones[place.zone].name;
    return { pfn: page, place: place === undefined ? undefined : { ...place, zone } };
  };
  return {
    line: step.line,
    request,
    isOwn: step.kind === 'allocate',
    order: step.order,
    cpu,
    kernel: placed(step.pfn),
    model: placed(pfn),
  };
}

/** The folder of a run and the one above it; of a file with a name of its own, the file. */
export function runLabel(file: string): string {
  if (!/^freelists(\.gz)?$/.test(basename(file))) return basename(file);
  const folder = dirname(resolve(file));
  return `${basename(dirname(folder))}/${basename(folder)}`;
}
