/** Traces to analyse: one file, or those of a folder. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { isFolder } from '../files/stats.ts';
import type { ImportOptions } from '../traces/format.ts';
import { type ImportedTrace, importPacked } from '../traces/import.ts';
import { STANDARD_INPUT } from '../traces/lines.ts';
import { type Analysis, analyze } from './analyze.ts';

export interface AnalysedTrace extends Omit<ImportedTrace, 'workload'> {
  /** Path as given; of a folder, with the file's name. */
  readonly path: string;
  readonly analysis: Analysis;
  readonly notes: readonly string[];
}

/** A trace of a folder that cannot be read, and why. */
export interface UnreadTrace {
  readonly path: string;
  readonly reason: string;
}

export interface AnalysedTraces {
  readonly traces: readonly AnalysedTrace[];
  readonly unread: readonly UnreadTrace[];
}

/** What a trace, or each trace of a folder, holds. Throws InputError if nothing can be read. */
export async function analyzeTraces(path: string, options: ImportOptions): Promise<AnalysedTraces> {
  if (path === STANDARD_INPUT || !isFolder(path))
    return { traces: [await analysed(path, options)], unread: [] };
  const names = tracesIn(path);
  if (names.length === 0) {
    throw new InputError(
      `${path}: no trace in this folder; expected one such as trace.txt, dma_trace.txt.gz, or what trace-cmd report and perf script print`,
    );
  }
  return analyzeEach(
    path,
    names.map((name) => join(path, name)),
    options,
  );
}

/** `path`: the folder, for messages. Throws InputError if none of the files can be read. */
export async function analyzeEach(
  path: string,
  files: readonly string[],
  options: ImportOptions,
): Promise<AnalysedTraces> {
  const traces: AnalysedTrace[] = [];
  const unread: UnreadTrace[] = [];
  for (const file of files) {
    try {
      traces.push(await analysed(file, options));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      unread.push({ path: file, reason: error.message });
    }
  }
  if (traces.length > 0) return { traces, unread };
  throw new InputError(
    [`${path}: no trace in this folder can be read`, ...unread.map(({ reason }) => reason)].join('\n'),
  );
}

/** Names that people give to traces. */
const TRACE = /(?:trace|^conversions|^events|^pages|^perf_script|requests)[\w.-]*$/;

const tracesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && TRACE.test(entry.name))
    .map(({ name }) => name)
    .sort();

async function analysed(path: string, options: ImportOptions): Promise<AnalysedTrace> {
  const { workload, sanity, format } = await importPacked(path, options);
  return { path, format, analysis: analyze(workload.requests), notes: workload.notes, sanity };
}
