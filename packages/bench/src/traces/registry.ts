import type { TraceFormat } from './format.ts';
import { dmaRequests } from './formats/dma-requests.ts';
import { dmaTrace } from './formats/dma-trace.ts';
import { kernelEvents } from './formats/kernel-events.ts';
import { minimalloc } from './formats/minimalloc.ts';
import { requestSequence } from './formats/request-sequence.ts';
import { weeAlloc } from './formats/wee-alloc.ts';

/**
 * All trace formats. If the beginning of a file has lines of several, the first of them reads the file: probes
 * (dma-trace) record more of a buffer than the kernel's own events, and a buffer must not count twice.
 */
export const TRACE_FORMATS: readonly TraceFormat[] = [
  dmaRequests,
  dmaTrace,
  requestSequence,
  weeAlloc,
  minimalloc,
  kernelEvents,
];
