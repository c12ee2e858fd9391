import { join } from 'node:path';
import { expect, it } from 'vitest';
import { recordingsWith } from '../../files/testing.ts';
import { kernelEvents } from '../formats/kernel-events.ts';
import { importTrace } from '../import.ts';
import { accountedLines, readLines } from '../testing.ts';
import { parseLttngLine } from './lttng-line.ts';

/** Made up in the form of babeltrace2's text of lttng-modules' kmem events; the recording below has real ones. */
const LINES = [
  '[08:36:01.211260539] (+?.?????????) board kmem_kmalloc: { cpu_id = 1 }, { call_site = 0xBF001234, ptr = 0xC2A41800, bytes_req = 712, bytes_alloc = 1024, gfp_flags = 208 }',
  '[08:36:01.211275239] (+0.000014700) board kmem_kfree: { cpu_id = 1 }, { call_site = 0xBF001300, ptr = 0xC2A41800 }',
  '[08:36:01.211418039] (+0.000001400) board mm_page_alloc: { cpu_id = 2 }, { page = 0xC1000A00, order = 0, gfp_flags = 32976, migratetype = 0 }',
  '[08:36:01.211420000] (+0.000001400) board kmem_mm_page_alloc: { cpu_id = 2 }, { procname = "dd", tid = 7 }, { page = 0xFFFFEA0003DB9F40, pfn = 1155800, order = 3, gfp_flags = 32976, migratetype = 0 }',
];

it('objects and pages of LTTng are read as those of other tools', () => {
  expect(LINES.some(kernelEvents.recognises)).toBe(true);
  const { requests, sanity } = readLines(kernelEvents, LINES);
  expect(requests).toEqual([
    expect.objectContaining({ api: 'kmalloc', bytes: 712, owner: '0xbf001234', cpu: 1, time: 0 }),
    { kind: 'free', time: 14_700, allocation: 1, cpu: 1 },
    expect.objectContaining({ kind: 'background-allocate', order: 3 }),
  ]);
  expect(sanity).toMatchObject({ unparsed: { count: 0 }, ignored: { 'mm_page_alloc without pfn': 1 } });
  expect(accountedLines(sanity)).toBe(LINES.length);
});

it('the context names the task, and the time may be in seconds or have a date', () => {
  expect(parseLttngLine(LINES[3])).toMatchObject({ task: 'dd-7', cpu: 2, event: 'mm_page_alloc' });
  const kfree = 'kmem_kfree: { cpu_id = 1 }, { ptr = 0xC2A41800 }';
  expect(parseLttngLine(`[1774.500000000] (+0.1) h ${kfree}`)?.at).toBe(1_774_500_000_000n);
  expect(parseLttngLine(`[2026-11-29 00:01:01.500000000] ${kfree}`)?.at).toBe(61_500_000_000n);
  // 8 h, 36 min and 1.2 s; without a CPU it is 0.
  expect(parseLttngLine(LINES[0])?.at).toBe(30_961_211_260_539n);
  expect(parseLttngLine('[00:00:01.0] h kmem_kfree: { }, { ptr = 0x1 }')).toMatchObject({
    cpu: 0,
    task: '<...>-0',
  });
  expect(parseLttngLine('[000] 22.4: kmem:kfree: ptr=1')).toBeUndefined();
});

it('a time of more than twelve digits or nine decimals is none', () => {
  const line = (time: string) => `[${time}] h kmem_kfree: { cpu_id = 1 }, { ptr = 0x1 }`;
  expect(parseLttngLine(line('999999999999.999999999'))?.at).toBe(999_999_999_999_999_999_999n);
  expect(parseLttngLine(line('1000000000000.0'))).toBeUndefined();
  expect(parseLttngLine(line('1.0000000001'))).toBeUndefined();
});

it('CPUs are those up to 65,536; any other number is CPU 0', () => {
  const cpuOf = (id: string) => parseLttngLine(`[1.0] h kmem_kfree: { cpu_id = ${id} }, { ptr = 0x1 }`)?.cpu;
  expect(['3', '65536', '65537', '-1'].map(cpuOf)).toEqual([3, 65_536, 0, 0]);
});

it('page events are of use only with a pfn; other events need none', () => {
  const eventOf = (event: string, fields: string) =>
    parseLttngLine(`[1.0] h ${event}: { cpu_id = 1 }, { vtid = 9 }, { ${fields} }`);
  expect(eventOf('kmem_mm_page_free', 'page = 0xC1000A00, order = 0')?.event).toBe(
    'mm_page_free without pfn',
  );
  expect(eventOf('kmem_mm_page_free', 'pfn = 9, order = 0')).toMatchObject({
    event: 'mm_page_free',
    task: '<...>-9',
    fields: 'pfn=9 order=0',
  });
  expect(eventOf('kmem_kfree', 'ptr = 0x1')?.event).toBe('kfree');
});

it('hexadecimal numbers are in small letters, and other values as they are', () => {
  expect(
    parseLttngLine(
      '[1.0] h kmem_kfree: { procname = "Xorg" }, { ptr = 0xC2A4, name = "A_0xFF", flags = GFP_X }',
    ),
  ).toMatchObject({ task: 'Xorg-0', fields: 'ptr=0xc2a4 name="A_0xFF" flags=GFP_X' });
});

const FOLDER = recordingsWith('lttng');

it.skipIf(FOLDER === undefined)(
  'a recording of an ARM kernel in $DECPOOL_RECORDINGS is read whole',
  async () => {
    const { format, sanity } = await importTrace(join(FOLDER ?? '', 'lttng/kernel-arm.babeltrace.txt.gz'));
    expect(format).toBe('kernel-events');
    expect(sanity).toMatchObject({ unparsed: { count: 0 }, requests: 3456 });
    expect(accountedLines(sanity)).toBe(sanity.linesRead);
  },
);
