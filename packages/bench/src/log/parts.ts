/** The parts of a log in order, each once its content hash was checked. */
import {
  type Checkpoint,
  type EventBatch,
  InputError,
  type Keyframe,
  type LogHeader,
  type Seal,
} from '@decpool/model';
import type { ReadHeader } from '@decpool/model/internal';
import type { Torn } from '../files/arrow-messages.ts';
import { atPath, type ByteFile } from './byte-file.ts';
import { Chain } from './chain.ts';
import type { Place } from './places.ts';
import { recordsFrom, type StoredRecord } from './records.ts';

/**
 * What a log consists of, in this order: a header, segments of events, now and then a keyframe, and a seal. A log that was cut off
 * has no seal, and may end with a torn segment. `isVouched` is false in a log of schema version 1, which has no content hashes.
 */
export type LogPart =
  | { readonly kind: 'header'; readonly header: LogHeader; readonly version: number }
  | {
      readonly kind: 'batch';
      readonly batch: EventBatch;
      readonly checkpoint: Checkpoint;
      readonly isVouched: boolean;
    }
  | { readonly kind: 'keyframe'; readonly keyframe: Keyframe }
  | { readonly kind: 'seal'; readonly seal: Seal }
  | Torn;

/** Called with what was read of a log in this pass, and what the pass reads in all: events, or bytes of the file. */
export type OnRead = (done: number, all: number) => void;

/** What a reader does with what it meets in a log. */
export interface ReadOptions {
  /** Called for each content hash that does not match; then reading goes on. Default: throws InputError. */
  readonly onBroken?: (found: string) => void;
  /** Called at the end of the file; resolves to whether more may come, as in a log that is being written. */
  readonly waits?: () => Promise<boolean>;
  /** Keyframes are passed over unread: they hold nothing that the events do not. */
  readonly skipsKeyframes?: boolean;
  /** Called with bytes of the file. */
  readonly onRead?: OnRead;
}

/** Where to begin in a log whose header is known. */
export type LogStart = Place & ReadHeader;

/** Reads an open file in this thread. `start`: where to begin. Default: at the header. */
export async function* partsHere(
  file: ByteFile,
  { onBroken, waits, skipsKeyframes, onRead }: ReadOptions = {},
  start?: LogStart,
): AsyncGenerator<LogPart> {
  const reader = await file.from(start?.offset ?? 0, { waits });
  try {
    const size = await file.size();
    const records = recordsFrom(reader, file.format, { start, skipsKeyframes });
    for await (const part of checkedParts(records, onBroken, start)) {
      yield part;
      onRead?.(reader.fetched, size);
    }
  } catch (error) {
    throw atPath(file.path, error);
  } finally {
    reader.close();
  }
}

/** The records as parts of a log, each once its content hash was checked. */
export async function* checkedParts(
  records: AsyncGenerator<StoredRecord>,
  onBroken = (found: string): void => {
    throw new InputError(found);
  },
  start?: LogStart,
): AsyncGenerator<LogPart> {
  let chain = start === undefined ? undefined : new Chain(start, start.chain);
  for await (const record of records) {
    if (record.kind === 'header') {
      chain = new Chain(record);
      yield record;
    } else if (chain !== undefined) {
      yield record.kind === 'torn' ? record : partOf(record, chain, onBroken);
    } else {
      const found = record.kind === 'torn' ? 'ends inside its header' : 'has no header';
      throw new InputError(`${found}; expected an event log`);
    }
  }
  if (chain === undefined) throw new InputError('is empty; expected an event log');
}

function partOf(
  record: Exclude<StoredRecord, { kind: 'header' | 'torn' }>,
  chain: Chain,
  onBroken: (found: string) => void,
): LogPart {
  const report = (found: string | undefined) => found !== undefined && onBroken(found);
  switch (record.kind) {
    case 'segment': {
      const { batch, checkpoint } = record;
      if (checkpoint === undefined) {
        return { kind: 'batch', batch, checkpoint: chain.append(batch), isVouched: false };
      }
      report(chain.check(batch, checkpoint));
      return { kind: 'batch', batch, checkpoint, isVouched: true };
    }
    case 'keyframe':
      report(chain.checkKeyframe(record.keyframe));
      return record;
    case 'seal':
      if (record.seal.chain !== chain.value) {
        report(
          'the seal or the header was altered after the log was written: the content hash does not match',
        );
      }
      return record;
    case 'trailer':
      return { kind: 'seal', seal: { ...record.trailer, chain: chain.value } };
  }
}
