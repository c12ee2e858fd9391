import { expect, it } from 'vitest';
import { parseToolLine } from './tool-lines.ts';

it.each([
  ['# entries-in-buffer/entries-written: 37070/37070   #P:2', 0],
  ['# entries-in-buffer/entries-written: 1000/37070   #P:2', 36_070],
  ['CPU:1 [LOST 12 EVENTS]', 12],
  ['CPU:1 [LOST EVENTS]', undefined],
  ['CPU:7 [204600 EVENTS DROPPED]', 204_600],
  ['CPU:7 [EVENTS DROPPED]', undefined],
  ['swapper     0 [000]    22.498450: PERF_RECORD_LOST lost 123', 123],
  ['perf  6429 [001]    22.498450: PERF_RECORD_LOST_SAMPLES lost 4', 4],
  ['PERF_RECORD_LOST', undefined],
  ['Lost 27 events', 27],
  ['Attaching 6 probes...', 0],
  ['Attached 6 probes', 0],
  ['# tracer: nop', 0],
  ['cpus=2', 0],
])('%j says that %s events are missing', (text, lost) => {
  expect(parseToolLine(text)).toEqual({ lost });
});

it('any other line is none of a tool', () => {
  expect(parseToolLine('what?')).toBeUndefined();
});
