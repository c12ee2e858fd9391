/** A thread that reads a log: it sends its parts in order, and no more than a few before they are taken. */
import { parentPort, workerData } from 'node:worker_threads';
import { sendBatch } from '@decpool/model/internal';
import { openFile } from './byte-file.ts';
import { type LogPart, partsHere } from './parts.ts';
import { MAX_WAITING, type ReadTask, type SentPart, sentError } from './sent.ts';

const { path, start, skipsKeyframes, goesOn, waiting }: ReadTask = workerData;

/** Waits until there is room for it. This thread has nothing else to do. */
function send(message: SentPart, buffers: readonly ArrayBuffer[] = []): void {
  for (let count = Atomics.load(waiting, 0); count >= MAX_WAITING; count = Atomics.load(waiting, 0)) {
    Atomics.wait(waiting, 0, count);
  }
  Atomics.add(waiting, 0, 1);
  parentPort?.postMessage(message, buffers);
}

function sendPart(part: LogPart): void {
  if (part.kind !== 'batch') {
    send(part);
    return;
  }
  const { sent, buffers } = sendBatch(part.batch);
  send({ ...part, batch: sent }, buffers as ArrayBuffer[]);
}

async function read(): Promise<void> {
  const file = await openFile(path);
  try {
    const options = {
      skipsKeyframes,
      onRead: (done: number, all: number) => send({ kind: 'read', done, all }),
      ...(goesOn ? { onBroken: (found: string) => send({ kind: 'broken', found }) } : {}),
    };
    for await (const part of partsHere(file, options, start)) sendPart(part);
    send({ kind: 'end' });
  } finally {
    await file.close();
  }
}

read().catch((error: unknown) => send(sentError(error)));
