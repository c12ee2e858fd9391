import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importTrace } from './import.ts';
import { accountedLines } from './testing.ts';

const BUNDLED = fileURLToPath(new URL('../../../../examples/traces/requests', import.meta.url));
const RECORDINGS = process.env['DECPOOL_RECORDINGS'];

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

  it('give the same requests from the raw tracefs text as from the records made of it', async () => {
    const records = await importTrace(join(BUNDLED, 'k61-E7cc.dma_requests.ndjson.gz'));
    const text = await importTrace(join(BUNDLED, 'k61-E7cc.dma_trace.txt.gz'));
    expect(text.workload.requests).toEqual(records.workload.requests);
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
    expect(text.workload.requests).toEqual(records.workload.requests);
    expect(accountedLines(text.sanity)).toBe(text.sanity.linesRead);
  });
});

describe('a file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const importing = (name: string, content: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return importTrace(path);
  };
  const refusal = async (trace: Promise<unknown>) => {
    const error = await trace.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message.replaceAll(`${folder}/`, '');
  };

  it('is known by its content, not by its name', async () => {
    const trace = await importing('trace.ndjson', '# by hand\n\na 1 0\nf 1 0\n');
    expect(trace.format).toBe('request-sequence');
    expect(trace.sanity.linesRead).toBe(4);
  });

  it('may be gzipped, end its lines as DOS does, and lack the last line end', async () => {
    const plain = await importing('plain.txt', 'a 1 0\na 2 4\nf 1 0');
    const zipped = await importing('zipped.txt', gzipSync('a 1 0\r\na 2 4\r\nf 1 0\r\n'));
    expect(plain.workload.requests).toHaveLength(3);
    expect(zipped.workload.requests.map((request) => ({ ...request, owner: '' }))).toEqual(
      plain.workload.requests.map((request) => ({ ...request, owner: '' })),
    );
  });

  it('may be longer than one read', async () => {
    const lines = Array.from({ length: 50_000 }, (_, id) => `a ${id} 0`);
    const { sanity } = await importing('long.txt', gzipSync(lines.join('\n')));
    expect(sanity).toMatchObject({ linesRead: 50_000, requests: 50_000, unparsed: { count: 0 } });
  });

  it('must be there', async () => {
    expect(await refusal(importTrace(join(folder, 'missing.txt')))).toBe(
      'missing.txt: there is no such file',
    );
    expect(await refusal(importTrace(folder))).toContain('this is a folder');
  });

  it('must hold something', async () => {
    expect(await refusal(importing('empty.txt', ''))).toContain('empty.txt: there is nothing in this file');
    expect(await refusal(importing('empty.txt.gz', gzipSync('')))).toContain('there is nothing in this file');
    expect(await refusal(importing('header.txt', '# tracer: nop\n#\n'))).toContain('nothing in this file');
  });

  it('must be of a known format; else they are listed with an example each', async () => {
    const message = await refusal(importing('other.csv', '# a table\nseq,op\n0,x\n'));
    expect(message).toContain('other.csv:2: not a line of a known trace format: seq,op');
    for (const example of ['dma-requests: {"t":', 'dma-trace: kworker', 'request-sequence: a 17 3']) {
      expect(message).toContain(example);
    }
  });

  it('must be text, and a whole gzip file', async () => {
    expect(await refusal(importing('noise.bin', Buffer.alloc(3 << 20, 'x')))).toContain('not a text file');
    const cut = gzipSync('a 1 0\n'.repeat(1000)).subarray(0, 30);
    expect(await refusal(importing('cut.txt.gz', cut))).toContain(
      'cut.txt.gz: the gzip file is damaged or cut off',
    );
  });

  it('may have a few bad lines, which are counted', async () => {
    const { sanity } = await importing('some.txt', 'a 1 0\nwhat?\nf 1 0\n');
    expect(sanity.unparsed).toMatchObject({ count: 1, first: [{ line: 2, text: 'what?' }] });
  });

  it('must not be bad in more than half of its lines', async () => {
    const message = await refusal(importing('bad.txt', 'a 1 0\nwhat?\nf 1 3\nwhy?\n'));
    expect(message).toMatch(/^bad\.txt:2: expected a ID ORDER.*what\? \(3 of 4 lines/);
    await expect(importing('half.txt', 'a 1 0\nwhat?\nf 1 0\nwhy?\n')).resolves.toBeDefined();
  });

  it('must ask for something', async () => {
    expect(await refusal(importing('frees.txt', 'f 1 0\nf 2 0\n'))).toBe(
      'frees.txt: no request in 2 lines of request-sequence; a line that makes one: a 17 3',
    );
    expect(await refusal(importing('high.txt', 'f 1 0\na 1 12\n'))).toMatch(
      /^high\.txt:2: order 12 is above 10.*\(no request/,
    );
  });
});
