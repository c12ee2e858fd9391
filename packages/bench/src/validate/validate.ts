import { type ChangeResult, InputError } from '@decpool/model';
import type { Mismatch } from './comparison.ts';
import { type DriverConversion, driverConversionsBeside } from './driver-conversions.ts';
import { type Recording, readRecording } from './recording.ts';
import { Replay } from './replay.ts';

export type { Mismatch } from './comparison.ts';

export interface ValidationResult {
  /** The path as it was given. */
  readonly file: string;
  /** `6.1.192-2`. */
  readonly kernel: string;
  /** Rows after the first `#map`. */
  readonly rows: number;
  /** Calls of the probe that succeeded and were applied to the model. */
  readonly conversions: number;
  /** Calls of drivers that were applied to the model, from the trace beside the recording. */
  readonly driverConversions: number;
  /** `#map` points compared; the first is the start and is not among them. */
  readonly mapPoints: number;
  /** Splits and collapses in the model since the start. */
  readonly changes: ChangeResult;
  /** Values compared. */
  readonly comparisons: number;
  /** Values that the kernel has otherwise than the model. */
  readonly mismatches: number;
  readonly firstMismatch: Mismatch | undefined;
  /** What was read and could not be compared; why, is told in replay.ts. */
  readonly notCompared: {
    /** Rows before the first `#map`; none converts. */
    readonly rowsBeforeStart: number;
    /** `vc_done` and `vr_done` rows, of which the levels are not compared. */
    readonly rowsWithoutLevels: number;
    /** 4K runs of the map points compared. */
    readonly runsWithoutFlags: number;
  };
}

/**
 * Replays the recording at `path` through the model. Throws InputError when it, the meta.json or the driver trace
 * beside it is missing or malformed, or when it converts pages that its first `#map` does not have.
 */
export function validateRecording(path: string): ValidationResult {
  return validate(readRecording(path), driverConversionsBeside(path));
}

/** As validateRecording, of what was already read. */
export function validate(recording: Recording, drivers: readonly DriverConversion[] = []): ValidationResult {
  const { file, kernel, entries } = recording;
  const startIndex = entries.findIndex((entry) => entry.kind === 'map');
  const start = entries[startIndex];
  if (start?.kind !== 'map' || start.runs.length === 0) {
    throw new InputError(
      `${file}: no #map to start from; expected a walk of the direct map before all conversions`,
    );
  }
  const before = entries.slice(0, startIndex);
  const rowsBefore = before.filter((entry) => entry.kind === 'row');
  const early = rowsBefore.find((row) => row.operation.scope !== 'none' && row.rc === 0);
  if (early !== undefined) {
    throw new InputError(
      `${file}:${early.line}: '${early.op}' before the first #map; expected the map first`,
    );
  }

  const replay = new Replay(recording, start, drivers, rowsBefore.at(-1));
  for (const entry of entries) {
    if (entry.kind === 'area-run') replay.areaRun(entry);
    else if (entry.line < start.line) continue;
    else if (entry.kind === 'row') replay.row(entry);
    else if (entry !== start) replay.map(entry);
  }

  return {
    file,
    kernel: kernel.version,
    rows: replay.rows,
    conversions: replay.conversions,
    driverConversions: replay.driverConversions,
    mapPoints: replay.mapPoints,
    changes: replay.changes,
    comparisons: replay.comparison.count,
    mismatches: replay.comparison.mismatches,
    firstMismatch: replay.comparison.first,
    notCompared: {
      rowsBeforeStart: rowsBefore.length,
      rowsWithoutLevels: replay.rowsWithoutLevels,
      runsWithoutFlags: replay.runsWithoutFlags,
    },
  };
}
