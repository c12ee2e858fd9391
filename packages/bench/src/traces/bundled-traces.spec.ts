/** The traces of examples/traces, and recordings outside the project. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Request } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { recordingsWith } from '../files/testing.ts';
import { cpusOf } from '../workloads/workload.ts';
import { kernelEvents } from './formats/kernel-events.ts';
import { importTrace } from './import.ts';
import { parseSharedExpression } from './shared-expression.ts';
import { accountedLines, readLines } from './testing.ts';

const BUNDLED = fileURLToPath(new URL('../../../../examples/traces/requests', import.meta.url));
const RECORDINGS = recordingsWith('k61/E7cc');

const withoutCpus = ({ workload }: { readonly workload: { readonly requests: readonly Request[] } }) =>
  workload.requests.map((request) => ({ ...request, cpu: undefined }));

describe('the bundled traces', () => {
  it.each([
    ['k61-E7cc.dma_requests.ndjson.gz', 'dma-requests', 205, 205, 91],
    ['k73-E7cc.dma_requests.ndjson.gz', 'dma-requests', 119, 119, 13],
    ['k61-E7cc.dma_trace.txt.gz', 'dma-trace', 205, 205, 91],
    ['seq0.txt', 'request-sequence', 2048, 0, 2048],
    ['seqmix.txt', 'request-sequence', 3613, 3613, 5987],
  ])(
    '%s is %s: %i allocations, %i frees, %i pages at the peak',
    async (file, format, allocations, frees, peak) => {
      const trace = await importTrace(join(BUNDLED, file));
      expect(trace.format).toBe(format);
      expect(trace.workload.peakLivePages).toBe(peak);
      expect(trace.workload.name).toBe(file.replace(/(\.ndjson|\.txt)(\.gz)?$/, ''));
      expect(trace.sanity).toMatchObject({
        requests: allocations,
        frees,
        liveAtEnd: allocations - frees,
        failedAllocations: 0,
        freesWithoutAlloc: 0,
        doubleAllocs: 0,
        unparsed: { count: 0, first: [] },
      });
      expect(accountedLines(trace.sanity)).toBe(trace.sanity.linesRead);
    },
  );

  it('give the same requests from the raw tracefs text as from the records made of it, which have no CPUs', async () => {
    const records = await importTrace(join(BUNDLED, 'k61-E7cc.dma_requests.ndjson.gz'));
    const text = await importTrace(join(BUNDLED, 'k61-E7cc.dma_trace.txt.gz'));
    expect(withoutCpus(text)).toEqual(records.workload.requests);
    expect(cpusOf(text.workload.requests)).toBe(2);
    expect(cpusOf(records.workload.requests)).toBe(1);
  });

  it('say which lines are no requests', async () => {
    const { sanity } = await importTrace(join(BUNDLED, 'k61-E7cc.dma_requests.ndjson.gz'));
    expect(sanity.ignored).toMatchObject({
      'coherent_alloc served elsewhere': 12,
      'coherent_free of 0x0': 6,
    });
  });

  it('name each buffer by its device and the code that asked for it', async () => {
    const { workload } = await importTrace(join(BUNDLED, 'k61-E7cc.dma_trace.txt.gz'));
    const functions = new Set(
      workload.requests.flatMap((request) =>
        request.kind === 'allocate' ? [request.owner.split(' ')[1]] : [],
      ),
    );
    expect([...functions].sort()).toEqual([
      'e1000_setup_all_rx_resources',
      'e1000_setup_all_tx_resources',
      'e1000e_setup_rx_resources',
      'e1000e_setup_tx_resources',
      'nvme_alloc_queue',
      'nvme_reset_work',
      'vring_alloc_queue_split',
    ]);
  });
});

describe.skipIf(RECORDINGS === undefined)('the recordings in $DECPOOL_RECORDINGS', () => {
  it('give the same requests from both files of Linux 7.3, where dma_alloc repeats each of them', async () => {
    const folder = join(RECORDINGS ?? '', 'k73/E7cc');
    const text = await importTrace(join(folder, 'dma_trace.txt.gz'));
    const records = await importTrace(join(folder, 'dma_requests.ndjson.gz'));
    expect(text.sanity).toMatchObject({
      requests: 119,
      frees: 119,
      ignored: { dma_alloc: 119, dma_free: 119 },
    });
    expect(text.workload.peakLivePages).toBe(13);
    expect(withoutCpus(text)).toEqual(records.workload.requests);
    expect(accountedLines(text.sanity)).toBe(text.sanity.linesRead);
  });

  it.each([
    ['k61/E7cc/mm_trace.txt.gz', 'order>=3', 715, 229_042, 228_746, 4618],
    ['k73/E7cc/mm_trace.txt.gz', 'order>=3', 1483, 119_795, 119_402, 13_002],
    ['k61/FT/file_trace.txt.gz', 'order>=1', 410, 62_267, 51_842, 4188],
    ['k61/FT/perf_script.txt.gz', 'order>=1', 110, 26_423, 21_937, 11_168],
    ['k61/FT/perf_script_order_gt0_callgraph.txt.gz', 'order>=2', 43, 187, 101, 0],
  ])(
    '%s with %s has %i requests among %i page allocations, %i of them freed, and %i frees without an allocation',
    async (file, expression, requests, allocations, frees, freesWithoutAlloc) => {
      const shared = parseSharedExpression(expression);
      const { format, sanity } = await importTrace(join(RECORDINGS ?? '', file), { shared });
      expect(format).toBe('kernel-events');
      expect(sanity).toMatchObject({ requests, freesWithoutAlloc, unparsed: { count: 0 } });
      expect(sanity.requests + sanity.background.allocations).toBe(allocations);
      expect(sanity.frees + sanity.background.frees).toBe(frees);
      expect(accountedLines(sanity)).toBe(sanity.linesRead);
    },
  );

  it('hold kmalloc objects among pages, and streaming mappings with their ends', async () => {
    const slab = await importTrace(join(RECORDINGS ?? '', 'k61/FT/slab_trace.txt.gz'));
    expect(slab.sanity).toMatchObject({ requests: 7186, background: { allocations: 648 } });
    expect(accountedLines(slab.sanity)).toBe(70_000);
    const recording = await readFile(join(RECORDINGS ?? '', 'k73/E7cc/dma_trace.txt.gz'));
    const { requests, sanity } = readLines(
      kernelEvents,
      gunzipSync(recording)
        .toString()
        .split('\n')
        .filter((text) => !/: (?:coh|set)/.test(text)),
    );
    expect(
      requests.filter((request) => request.kind === 'allocate' && request.api === 'dma_map'),
    ).toHaveLength(10_360);
    expect(sanity).toMatchObject({ requests: 119 + 10_360, assumedFrees: 0, liveAtEnd: 0, doubleAllocs: 0 });
  });

  it('are refused when they are no text, with what makes text of them', async () => {
    await expect(importTrace(join(RECORDINGS ?? '', 'k61/FT/trace.dat.gz'))).rejects.toThrow(
      /trace-cmd report/,
    );
  });
});
