import { sendBatch } from '@decpool/model/internal';
import { openFile } from './byte-file.ts';
import { type LogPart, partsHere } from './parts.ts';
import { MAX_WAITING, type ReadTask, type SentPart, sentError } from './sent.ts';

/** Gives a message away, and the buffers in it. */
export type Post = (message: SentPart, buffers: readonly ArrayBuffer[]) => void;

/** Reads a log and posts its parts in order, last its end or an error. Waits while there are MAX_WAITING that nobody has taken. */
export async function sendParts(task: ReadTask, post: Post): Promise<void> {
  const { waiting } = task;
  const send: Send = (message, buffers = []) => {
    for (let count = Atomics.load(waiting, 0); count >= MAX_WAITING; count = Atomics.load(waiting, 0)) {
      Atomics.wait(waiting, 0, count);
    }
    Atomics.add(waiting, 0, 1);
    post(message, buffers);
  };
  await read(task, send).catch((error: unknown) => send(sentError(error)));
}

type Send = (message: SentPart, buffers?: readonly ArrayBuffer[]) => void;

async function read({ path, start, skipsKeyframes, goesOn }: ReadTask, send: Send): Promise<void> {
  const file = await openFile(path);
  try {
    const options = {
      skipsKeyframes,
      onRead: (done: number, all: number) => send({ kind: 'read', done, all }),
      ...(goesOn ? { onBroken: (found: string) => send({ kind: 'broken', found }) } : {}),
    };
    for await (const part of partsHere(file, options, start)) sendPart(part, send);
    send({ kind: 'end' });
  } finally {
    await file.close();
  }
}

function sendPart(part: LogPart, send: Send): void {
  if (part.kind !== 'batch') {
    send(part);
    return;
  }
  const { sent, buffers } = sendBatch(part.batch);
  send({ ...part, batch: sent }, buffers as ArrayBuffer[]);
}
