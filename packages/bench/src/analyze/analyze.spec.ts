import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { GFP, InputError, nanoseconds } from '@decpool/model';
import { extract } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { RequestList } from '../workloads/request-list.ts';
import { analyze, PARTS } from './analyze.ts';
import { analyzePath } from './analyze-recording.ts';
import { analyzeTraces } from './analyze-trace.ts';
import { chartLines } from './chart.ts';
import { recordingText, tracesText } from './text.ts';

const BUNDLED = fileURLToPath(new URL('../../../../examples/traces/requests', import.meta.url));
const RECORDING = fileURLToPath(new URL('../traces/recording/fixtures/qemu-6.12.tar.gz', import.meta.url));
const at = nanoseconds;

/** Two drivers: one asks for 3 pages twice, the other for 512 bytes in a context that may not sleep, and for a streaming map. */
function small() {
  const list = new RequestList();
  const first = list.allocate(at(0), { api: 'alloc_pages_exact', pages: 3, bytes: 12_288, owner: 'nvme' });
  list.allocate(at(1e6), { api: 'alloc_pages_exact', pages: 3, bytes: 12_288, owner: 'nvme' });
  const object = list.allocate(at(2e6), {
    api: 'kmalloc',
    pages: 1,
    bytes: 512,
    owner: 'net',
    gfp: GFP.GFP_ATOMIC,
  });
  list.free(at(3e6), first);
  list.allocate(at(3e6), { api: 'dma_map', pages: 2, bytes: 8000, owner: 'net', gfp: GFP.GFP_ATOMIC });
  list.free(at(10e6), object);
  return list.requests;
}

describe('an analysis', () => {
  it('counts allocations, frees and the pages live at peak, small objects by their bytes', () => {
    expect(analyze(small())).toMatchObject({
      requests: 4,
      frees: 2,
      duration: 10e6,
      rates: { meanPerSecond: 40, mostInTenth: 4 },
      peak: { pages: 7, allocations: 3, at: 2e6 },
      lifetimes: { ended: 2, median: 8e6, p90: 8e6, max: 8e6 },
    });
  });

  it('groups by size and by owner, each with its own peak', () => {
    const { sizes, owners } = analyze(small());
    expect(sizes).toMatchObject([
      { fromPages: 0, toPages: 0, requests: 1, kept: 0, peakPages: 1 },
      { fromPages: 2, toPages: 2, requests: 1, kept: 1, peakPages: 2 },
      { fromPages: 3, toPages: 4, requests: 2, kept: 1, peakPages: 6, lifetimes: { median: 3e6 } },
    ]);
    expect(owners).toMatchObject([
      { owner: 'nvme', apis: ['alloc_pages_exact'], pagesAtPeak: 6, mayNotSleep: 0, kept: 1 },
      { owner: 'net', apis: ['kmalloc', 'dma_map'], pagesAtPeak: 1, mayNotSleep: 2 },
    ]);
  });

  it('says which requests may not sleep, and what grouping can gain, without streaming maps', () => {
    const { mayNotSleep, bounds } = analyze(small());
    expect(mayNotSleep).toEqual({ requests: 2, byApi: { kmalloc: 1, dma_map: 1 } });
    expect(bounds).toMatchObject({
      blocksScattered: 3,
      blocksLeast: 1,
      conversionsEach: 5,
      conversionsLeast: 1,
    });
  });

  it('has the live pages of each part of the time, also of parts without a request', () => {
    const { livePages } = analyze(small());
    expect(livePages).toHaveLength(PARTS);
    expect(livePages[0]).toBe(3);
    expect(livePages[PARTS * 0.15]).toBe(6);
    expect(Math.max(...livePages)).toBe(7);
    expect(livePages[PARTS / 2]).toBe(6);
  });

  it('of frees and allocations at one time keeps their order', () => {
    const list = new RequestList();
    const first = list.allocate(at(5), { api: 'alloc_pages', pages: 4, bytes: 16_384, owner: 'a' });
    list.free(at(9), first);
    list.allocate(at(9), { api: 'alloc_pages', pages: 4, bytes: 16_384, owner: 'a' });
    const { peak, sizes, owners } = analyze(list.requests);
    expect([peak.pages, sizes[0].peakPages, owners[0].peakPages]).toEqual([4, 4, 4]);
  });
});

describe('a chart', () => {
  const ends = ['0', '9 s'] as const;

  it('has as many columns as there are values or as fit, each the most of its values', () => {
    const lines = chartLines([0, 1, 8, 2], { columns: 40, ends, isAscii: true });
    expect(lines).toHaveLength(9);
    expect(lines[0]).toMatch(/^8 \| +#/);
    const narrow = chartLines(
      Array.from({ length: 300 }, (_, i) => i),
      { columns: 40, ends },
    );
    expect(Math.max(...narrow.map(({ length }) => length))).toBeLessThanOrEqual(40);
    expect(narrow[0].endsWith('█')).toBe(true);
  });

  it('shows what is not 0', () => {
    expect(chartLines([1, 1000], { columns: 40, ends })[7]).toContain('▁');
  });
});

describe('traces', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are read from a file as compare reads it', async () => {
    const { traces } = await analyzeTraces(join(BUNDLED, 'k61-E7cc.dma_trace.txt.gz'), {});
    expect(traces).toMatchObject([
      { format: 'dma-trace', analysis: { requests: 205, frees: 205, bounds: { conversionsEach: 410 } } },
    ]);
  });

  it('fit the terminal, and escape what a hostile trace puts into names', async () => {
    const path = join(folder, 'trace.txt');
    writeFileSync(
      path,
      ' x\u001b[2Jy-1 [000] d..1. 1.000000: setdec: (set_memory_decrypted+0x0/0x50) addr=0xffff88810dabf000 npages=1\n <stack trace>\n',
    );
    const { traces } = await analyzeTraces(path, {});
    for (const columns of [60, 80, 120]) {
      const text = tracesText(traces, { columns, isAscii: false });
      const lines = text.split('\n').filter((line) => !line.includes(folder));
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
      expect(text).not.toContain('\u001b');
    }
  });

  it('of a folder are all that it holds; what cannot be read is named', async () => {
    const recording = join(folder, 'recording');
    mkdirSync(recording);
    await expect(analyzeTraces(recording, {})).rejects.toThrow(InputError);
    writeFileSync(join(recording, 'trace.dat'), '\u0017\bDtracing and so on\n');
    await expect(analyzeTraces(recording, {})).rejects.toThrow(/trace-cmd report/);
    writeFileSync(join(recording, 'conversions'), 'a 1 0\nf 1 0\n');
    writeFileSync(join(recording, 'meminfo'), 'MemTotal: 1 kB\n');
    const { traces, unread } = await analyzeTraces(recording, {});
    expect(traces.map(({ path }) => path)).toEqual([join(recording, 'conversions')]);
    expect(unread.map(({ path }) => path)).toEqual([join(recording, 'trace.dat')]);
  });
});

describe('a recording', () => {
  let scratch = '';
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'decpool-'));
    await extract({ file: RECORDING, cwd: scratch });
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  it('is its conversions and the events of the DMA layer, with what its kernel counted', async () => {
    const { recording, traces, unread } = await analyzePath(RECORDING, {});
    expect(recording).toMatchObject({
      name: 'qemu-6.12',
      kernel: expect.stringMatching(/^6\.12\./),
      counters: { splits2M: 7, splits1G: 0 },
    });
    expect(traces).toMatchObject([
      { path: join(RECORDING, 'conversions.gz'), format: 'dma-trace', analysis: { requests: 27, frees: 13 } },
      { path: join(RECORDING, 'dma.gz'), format: 'kernel-events' },
    ]);
    expect(unread).toEqual([]);
  });

  it('is the same as a folder', async () => {
    const folder = join(scratch, 'qemu-6.12');
    const plain = await analyzePath(folder, {});
    const withoutPaths = JSON.stringify(await analyzePath(RECORDING, {})).replaceAll(RECORDING, folder);
    expect(withoutPaths).toBe(JSON.stringify(plain));
    const lines = recordingText(plain.recording ?? raise(), { columns: 80, isAscii: false }).split('\n');
    expect(lines[0]).toMatch(/^qemu-6\.12: Linux 6\.12\.\S+, recorded for \d/);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('of a guest that converted nothing has its coherent buffers, and says so', async () => {
    const folder = join(scratch, 'plain');
    cpSync(join(scratch, 'qemu-6.12'), folder, { recursive: true });
    writeFileSync(join(folder, 'conversions.gz'), gzipSync('# tracer: nop\n#\n'));
    const { traces, unread } = await analyzePath(folder, {});
    expect(traces.map(({ path }) => path)).toEqual([join(folder, 'dma.gz')]);
    expect(unread).toEqual([
      {
        path: join(folder, 'conversions.gz'),
        reason: `${join(folder, 'conversions.gz')}: there is nothing in this file but comments`,
      },
    ]);
  });

  it('without page events has nothing that --shared chooses from', async () => {
    const shared = parseSharedExpression('order>=3');
    await expect(analyzePath(RECORDING, { shared })).rejects.toThrow(/: no pages\.gz, .*--pages$/);
  });

  it('that is damaged is refused by the name that the user gave', async () => {
    const packed = join(scratch, 'cut.tar.gz');
    writeFileSync(packed, readFileSync(RECORDING).subarray(0, 5000));
    await expect(analyzePath(packed, {})).rejects.toThrow(`${packed}: cannot be unpacked`);
  });
});

function raise(): never {
  throw new Error('expected a recording');
}
