/**
 * What `decpool record` wrote: a folder, or such a folder as .tar.gz. docs/reference/recording.md has its files.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { InputError } from '@decpool/model';
import { messageOf } from '../../files/error-text.ts';
import { readText } from '../../files/read-text.ts';
import { isFile, statsAt } from '../../files/stats.ts';
import type { Requests } from '../../workloads/requests.ts';
import { kernelAddress } from '../events/kernel-address.ts';
import { type ImportedTrace, importPacked } from '../import.ts';
import type { SharedExpression } from '../shared-expression.ts';
import { type KernelCounters, kernelCounters } from './kernel-counters.ts';

export interface Recording {
  readonly name: string;
  readonly folder: string;
  /** The kernel's release, such as `6.12.95+deb12-amd64`. */
  readonly kernel: string;
  /** Name of the platform that the guest ran on; undefined if the recorder did not recognise it. */
  readonly platform: string | undefined;
  /** The folder with the state of memory before; undefined if the recording began at boot. */
  readonly before: string | undefined;
  /** Undefined if one of the two states is missing, or a machine that does not count splits was recorded. */
  readonly counters: KernelCounters | undefined;
  /** How long it recorded, s; undefined if the header does not say. */
  readonly seconds: number | undefined;
  /** Where the direct map begins: page_offset_base of x86. Undefined if it was not recorded. */
  readonly directMapBase: bigint | undefined;
  /** `swiotlb_bounced` events of dma.gz. */
  readonly bounced: number;
  /** Sentences on how it was recorded. */
  readonly notes: readonly string[];
}

/** `notes`: also those of the recording. */
export interface RecordedRequests extends ImportedTrace<Requests> {
  readonly notes: readonly string[];
}

const HEADER = 'recording';
const FIRST_LINE = 'decpool-recording v1';

/** Platforms by what record.sh writes for the guest. */
const PLATFORMS: Readonly<Record<string, string>> = {
  snp: 'snp',
  tdx: 'tdx',
  hyperv: 'hyperv-vtom',
  cca: 'cca',
};

/** Ends the name of a packed recording. */
const PACKED = /\.(tar\.gz|tgz)$/;

/** Whether a path is to be read as a recording, not as a trace or a folder of traces. */
export const isRecording = (path: string): boolean => PACKED.test(path) || hasHeader(path);

/** Opens a recording for as long as `use` takes. Throws InputError if it is none. */
export async function withRecording<T>(path: string, use: (recording: Recording) => Promise<T>): Promise<T> {
  const stats = statsAt(path);
  if (stats === undefined) throw new InputError(`${path}: there is no such folder or file`);
  if (stats.isDirectory()) return use(readRecording(path, basename(resolve(path))));
  const unpacked = mkdtempSync(join(tmpdir(), 'decpool-recording-'));
  let folder: string | undefined;
  try {
    await unpack(path, unpacked);
    folder = [unpacked, ...readdirSync(unpacked).map((name) => join(unpacked, name))].find(hasHeader);
    if (folder === undefined) throw notARecording(path);
    return await use(readRecording(folder, basename(path).replace(PACKED, '')));
  } catch (error) {
    // The user knows the packed file, and not the folder that it was unpacked to.
    throw error instanceof InputError
      ? new InputError(error.message.replaceAll(folder ?? unpacked, path))
      : error;
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
}

const hasHeader = (folder: string): boolean => isFile(join(folder, HEADER));

async function unpack(path: string, to: string): Promise<void> {
  const { extract } = await import('tar');
  try {
    await extract({ file: path, cwd: to, strict: true, filter: (_, entry) => isPlain(entry) });
  } catch (error) {
    throw new InputError(
      `${path}: cannot be unpacked (${messageOf(error)}); expected a folder of 'decpool record', or its .tar.gz`,
    );
  }
}

/** Links could point outside of the folder. */
const isPlain = (entry: object): boolean =>
  !('type' in entry) || entry.type === 'File' || entry.type === 'Directory';

const notARecording = (path: string) =>
  new InputError(`${path}: has no file '${HEADER}'; expected a folder of 'decpool record', or its .tar.gz`);

/** `name`: of the recording as the user gave it. */
function readRecording(folder: string, name: string): Recording {
  const header = readHeader(folder);
  const has = (state: string) => existsSync(join(folder, state, 'buddyinfo'));
  const before = has('before') ? join(folder, 'before') : undefined;
  return {
    name,
    folder,
    kernel: header.get('kernel') ?? '',
    platform: PLATFORMS[header.get('guest') ?? ''],
    before,
    counters: before === undefined ? undefined : kernelCounters(folder),
    seconds: secondsOf(header),
    directMapBase: kernelAddress(header.get('page_offset_base')),
    bounced: Number(header.get('bounced') ?? 0),
    notes: notesOf(header),
  };
}

function readHeader(folder: string): ReadonlyMap<string, string> {
  const path = join(folder, HEADER);
  if (!hasHeader(folder)) throw notARecording(folder);
  const [first, ...lines] = readText(path).trimEnd().split('\n');
  if (first !== FIRST_LINE) {
    throw new InputError(`${path}:1: '${first.slice(0, 60)}'; expected '${FIRST_LINE}'`);
  }
  const header = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const match = /^(\w+)=(.*)$/.exec(line);
    if (match === null) throw new InputError(`${path}:${index + 2}: '${line}'; expected KEY=VALUE`);
    header.set(match[1], match[2]);
  }
  if (!/^\d+\.\d+/.test(header.get('kernel') ?? '')) {
    throw new InputError(`${path}: no kernel= with a release such as 6.12.95`);
  }
  return header;
}

function secondsOf(header: ReadonlyMap<string, string>): number | undefined {
  const text = header.get('seconds') ?? '';
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function notesOf(header: ReadonlyMap<string, string>): string[] {
  const lost = ['conversions', 'dma', 'pages'].filter((name) => Number(header.get(`${name}_lost`) ?? 0) > 0);
  return [
    ...(header.get('ended') === 'interrupted' ? ['The recording was ended by a signal.'] : []),
    ...lost.map(
      (name) =>
        `${header.get(`${name}_lost`)} events were lost in ${name}.gz. Record with a larger --buffer-kb.`,
    ),
  ];
}

/**
 * The requests of a recording: its conversions; if the guest converted nothing, the coherent buffers of the kernel's own events; with
 * `shared`, those of its page events. Throws InputError if there are none.
 */
export async function recordedRequests(
  recording: Recording,
  shared: SharedExpression | undefined,
): Promise<RecordedRequests> {
  const { folder, name } = recording;
  const files = shared === undefined ? ['conversions.gz', 'dma.gz'] : ['pages.gz'];
  const failures: InputError[] = [];
  for (const file of files) {
    const path = join(folder, file);
    if (!existsSync(path)) continue;
    try {
      const { workload, ...rest } = await importPacked(path, { shared });
      const notes = [...recording.notes, ...notesOn(file, recording)];
      return { ...rest, workload: { ...workload, name }, notes };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failures.push(error);
    }
  }
  if (failures.length === 0) {
    throw new InputError(
      shared === undefined
        ? `${folder}: neither conversions.gz nor dma.gz; the recording is incomplete`
        : `${folder}: no pages.gz, which --shared chooses from; record with --pages`,
    );
  }
  throw shared !== undefined
    ? failures[0]
    : new InputError(
        `${name}: no request for shared memory in conversions.gz or dma.gz. Record while drivers are loaded or devices added.`,
      );
}

/** What a reader must know of requests that come from this file. */
function notesOn(file: string, { bounced }: Recording): string[] {
  if (file === 'dma.gz') return [NOTHING_CONVERTED];
  if (bounced === 0) return [];
  return [`${bounced} streaming maps bounced; they are in dma.gz (--trace), and no part of these requests.`];
}

const NOTHING_CONVERTED =
  'The guest converted no memory, so it is no confidential guest. The requests are its coherent buffers, and its streaming maps that bounced (events/dma).';
