/** A thread that reads a log: it has nothing else to do, so it may wait. */
import { parentPort, workerData } from 'node:worker_threads';
import { sendParts } from './send.ts';

await sendParts(workerData, (message, buffers) => parentPort?.postMessage(message, buffers));
