/** The traces of a folder of `decpool record`, or of its .tar.gz, and what its header and counters say. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '@decpool/model';
import type { ImportOptions } from '../traces/format.ts';
import type { KernelCounters } from '../traces/recording/kernel-counters.ts';
import { isRecording, withRecording } from '../traces/recording/recording.ts';
import { type AnalysedTraces, analyzeEach, analyzeTraces } from './analyze-trace.ts';

/** What was recorded beside the traces. */
export interface AnalysedRecording {
  readonly name: string;
  /** The release. */
  readonly kernel: string;
  /** Name of the platform; missing if the recorder did not recognise it. */
  readonly platform?: string;
  readonly seconds?: number;
  /** Missing if the recording began at boot, or the kernel does not count splits. */
  readonly counters?: KernelCounters;
  readonly notes: readonly string[];
}

export interface Analysed extends AnalysedTraces {
  readonly recording?: AnalysedRecording;
}

/** What a trace, a folder of traces or a recording holds. Throws InputError if nothing can be read. */
export const analyzePath = (path: string, options: ImportOptions): Promise<Analysed> =>
  isRecording(path) ? analyzeRecording(path, options) : analyzeTraces(path, options);

/** In the order in which they are shown: what was converted, and what the DMA layer did. */
const TRACES = ['conversions.gz', 'dma.gz'];
/** What --shared chooses from. */
const PAGES = 'pages.gz';

/** Paths of traces are that of the recording, packed or not, with their names. */
const analyzeRecording = (path: string, options: ImportOptions): Promise<Analysed> =>
  withRecording(path, async ({ folder, name, kernel, platform, seconds, counters, notes }) => {
    const wanted = options.shared === undefined ? TRACES : [PAGES];
    const files = wanted.map((trace) => join(folder, trace)).filter((file) => existsSync(file));
    if (files.length === 0) {
      throw new InputError(
        options.shared === undefined
          ? `${path}: neither ${TRACES.join(' nor ')}; the recording is incomplete`
          : `${path}: no ${PAGES}, which --shared chooses from; record with --pages`,
      );
    }
    const { traces, unread } = await analyzeEach(path, files, options);
    const named = (file: string) => join(path, basename(file));
    return {
      recording: {
        name,
        kernel,
        ...(platform === undefined ? {} : { platform }),
        ...(seconds === undefined ? {} : { seconds }),
        ...(counters === undefined ? {} : { counters }),
        notes,
      },
      traces: traces.map((trace) => ({ ...trace, path: named(trace.path) })),
      unread: unread.map(({ path: file, reason }) => ({
        path: named(file),
        reason: reason.replaceAll(file, named(file)),
      })),
    };
  });
