import {
  type Checkpoint,
  type EventBatch,
  InputError,
  type Keyframe,
  type LogHeader,
  type Seal,
} from '@decpool/model';
import { atPath, ByteFile, type FileReader } from './byte-file.ts';
import { Chain, expectIntact } from './chain.ts';
import type { OnRead } from './on-read.ts';
import { formatIn, recordsFrom, type StoredRecord, type Torn } from './records.ts';

/**
 * What a log consists of, in this order: a header, segments of events, now and then a keyframe, and a seal when the log is complete;
 * of one that was cut off, perhaps what was torn. `isVouched` is false in a log of schema version 1, which has no content hashes.
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

export interface ReadOptions {
  /** Told what is wrong with the content hashes, and reading goes on. Unless told, that is an InputError. */
  readonly onBroken?: (found: string) => void;
  /** Asked at the end of the file whether there may be more, as of a log that is being written. */
  readonly waits?: () => Promise<boolean>;
  /** Keyframes are passed over unread: they hold nothing that the events do not. */
  readonly skipsKeyframes?: boolean;
  /** Told in bytes of the file. */
  readonly onRead?: OnRead;
}

/**
 * Reads a log file, NDJSON or Arrow, also gzipped; which, its first bytes tell. Bounded memory: a segment at a time, and each only
 * once its content hash was checked. Throws InputError that names the file, and the line or event, when it is not a log or was
 * altered.
 */
export async function* readLog(path: string, options: ReadOptions = {}): AsyncGenerator<LogPart> {
  const file = await ByteFile.open(path);
  let reader: FileReader | undefined;
  try {
    const format = await formatIn(file);
    reader = file.from(0, undefined, options.waits);
    const { skipsKeyframes = false, onBroken = expectIntact } = options;
    const size = await file.size();
    for await (const part of checkedParts(recordsFrom(reader, format, { skipsKeyframes }), onBroken)) {
      yield part;
      options.onRead?.(reader.fetched, size);
    }
  } catch (error) {
    throw atPath(path, error);
  } finally {
    reader?.close();
    await file.close();
  }
}

/** The records as parts of a log, once their content hashes were checked. */
export async function* checkedParts(
  records: AsyncGenerator<StoredRecord>,
  onBroken: (found: string) => void,
): AsyncGenerator<LogPart> {
  let chain: Chain | undefined;
  for await (const record of records) {
    if (record.kind === 'header') {
      chain = new Chain(record.header);
      yield record;
      continue;
    }
    if (record.kind === 'torn') {
      if (chain === undefined) throw new InputError('ends inside its header; expected an event log');
      yield record;
      continue;
    }
    if (chain === undefined) throw new InputError('has no header; expected an event log');
    yield partOf(record, chain, onBroken);
  }
  if (chain === undefined) throw new InputError('is empty; expected an event log');
}

function partOf(
  record: Exclude<StoredRecord, { kind: 'header' | 'torn' }>,
  chain: Chain,
  onBroken: (found: string) => void,
): LogPart {
  switch (record.kind) {
    case 'segment':
      return segmentPart(record.batch, record.checkpoint, chain, onBroken);
    case 'keyframe': {
      const found = chain.checkKeyframe(record.keyframe);
      if (found !== undefined) onBroken(found);
      return record;
    }
    case 'seal':
      if (record.seal.chain !== chain.value) {
        onBroken(
          'the seal or the header was altered after the log was written: the content hash does not match',
        );
      }
      return record;
    case 'trailer':
      return { kind: 'seal', seal: { ...record.trailer, chain: chain.value } };
  }
}

function segmentPart(
  batch: EventBatch,
  checkpoint: Checkpoint | undefined,
  chain: Chain,
  onBroken: (found: string) => void,
): LogPart {
  if (checkpoint === undefined)
    return { kind: 'batch', batch, checkpoint: chain.append(batch), isVouched: false };
  const found = chain.check(batch, checkpoint);
  if (found !== undefined) onBroken(found);
  return { kind: 'batch', batch, checkpoint, isVouched: true };
}
