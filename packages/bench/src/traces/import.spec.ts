import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { InputError, type Request } from '@decpool/model';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordingsWith } from '../files/testing.ts';
import { cpusOf, peakLivePages } from '../workloads/workload.ts';
import { kernelEvents } from './formats/kernel-events.ts';
import { importTrace, readText, readTrace } from './import.ts';
import { TRACE_FORMATS } from './registry.ts';
import { RequestsWriter } from './requests-file/write.ts';
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

  it('may be compressed with xz or zstd, whatever its name is', async () => {
    // printf 'a 1 0\\na 2 4\\nf 1 0\\n' | xz, and the same | zstd
    const xz =
      '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQARYSAxIDAKYSAyIDQKZiAxIDAKAAAArECXcDB4UOUAASoSSwhUvB+2830BAAAAAARZWg==';
    const zstd = 'KLUv/QRYkQAAYSAxIDAKYSAyIDQKZiAxIDAKtQwjBQ==';
    for (const bytes of [Buffer.from(xz, 'base64'), Buffer.from(zstd, 'base64')]) {
      const { sanity, workload } = await importing('packed.txt', bytes);
      expect(sanity).toMatchObject({ linesRead: 3, requests: 2, frees: 1 });
      expect(workload.name).toBe('packed');
      expect(await refusal(importing('torn.txt', bytes.subarray(0, 20)))).toMatch(
        /^torn\.txt: the (?:xz|zstd) file is damaged or cut off/,
      );
    }
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
    for (const example of [
      'dma-requests: {"t":',
      'dma-trace: kworker',
      'request-sequence: a 17 3',
      'kernel-events: dd-166',
    ]) {
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

  it('must be of the format that one of its first 10,000 lines has', async () => {
    const after = async (lines: number) => {
      const bytes = async function* () {
        yield Buffer.from('# of nobody\n'.repeat(lines - 4000));
        yield Buffer.from('# of nobody\n'.repeat(4000));
        yield Buffer.from('a 1 0\na 2 0\n');
      };
      const sink = { add: () => {}, drain: async () => {} };
      return (await readText(bytes(), 'some.txt', {}, sink)).sanity.requests;
    };
    expect(await after(9999)).toBe(2);
    expect(await refusal(after(10_000))).toContain('nothing in this file but comments');
  });

  it('is read in parts: after each, and at the end, the requests so far are taken', async () => {
    const order: string[] = [];
    const bytes = async function* () {
      for (const text of ['# no', 'thing\n\n', 'a 1 0\n', 'a 2 0\nf 1 0\n', 'f 2', ' 0'])
        yield Buffer.from(text);
    };
    const { lateFrees, ...facts } = await readText(
      bytes(),
      'some/boot.txt.gz',
      {},
      {
        begin: async ({ name, format }) => void order.push(`begin ${name} ${format.name}`),
        add: ({ kind }) => void order.push(kind),
        drain: async () => void order.push('drain'),
      },
    );
    expect(order).toEqual([
      ...['begin boot request-sequence', 'allocate', 'drain', 'allocate', 'free', 'drain'],
      ...['drain', 'drain', 'free', 'drain', 'drain'],
    ]);
    expect(facts).toMatchObject({
      name: 'boot',
      format: { name: 'request-sequence' },
      sanity: { linesRead: 6 },
    });
    expect(lateFrees).toEqual([]);
  });

  it('may be one of requests, which has the facts of the trace that it was made of', async () => {
    const path = join(folder, 'boot.arrow');
    const trace = await importing('boot.txt', 'a 1 0\na 2 4\nwhat?\nf 1 0\n');
    const writer = await RequestsWriter.open(path);
    await writer.begin({ name: 'boot', format: trace.format, description: trace.workload.description });
    for (const request of trace.workload.requests) writer.add(request);
    await writer.finish({ sanity: trace.sanity, notes: trace.workload.notes });
    expect(await importTrace(path)).toEqual(trace);
    const sink = { add: () => {}, drain: async () => {} };
    expect((await readTrace(path, {}, sink)).lateFrees).toEqual([]);
  });

  it('has the frees that it does not record among its requests', async () => {
    const bounced = (micros: number) =>
      ` ip-1 [000] ..... 7.${String(micros).padStart(6, '0')}: swiotlb_bounced: dev_name: a dma_mask=ff dev_addr=${micros}000 size=1 FORCE\n`;
    const { workload, sanity } = await importing('bounced.txt', bounced(10) + bounced(500));
    expect(workload.requests.map(({ kind, time }) => [kind, time])).toEqual([
      ['allocate', 0],
      ['free', 100_000],
      ['allocate', 490_000],
      ['free', 590_000],
    ]);
    expect(sanity.assumedFrees).toBe(2);
  });

  it.each([
    ['boot.txt', 'boot'],
    ['boot.log.gz', 'boot'],
    ['boot.csv.zst', 'boot'],
    ['boot.trace.xz', 'boot'],
    ['boot.dat', 'boot.dat'],
    ['boot.txt.txt', 'boot.txt'],
  ])('%j makes the workload %s', async (file, name) => {
    expect((await importing(file, 'a 1 0\n')).workload.name).toBe(name);
  });

  it('that is no trace is told by its first line that is none of blanks and comments', async () => {
    expect(await refusal(importing('no.txt', '\n# a\n  \nwhat?\nwhy?\n'))).toMatch(
      /^no\.txt:4: not a line of a known trace format: what\?\nknown formats/,
    );
    expect(await refusal(importing('no.txt', '\n \n'))).toBe('no.txt: there is nothing in this file');
    expect(await refusal(importing('no.txt', '\n#\n'))).toBe(
      'no.txt: there is nothing in this file but comments',
    );
    expect(await refusal(importing('no.txt', '#\n  0.123 dd/166 kmem:kfree(call_site: 0x1)\n'))).toMatch(
      /^no\.txt:2: this is output of perf trace;/,
    );
  });

  describe('of page events', () => {
    const PAGES = [
      ' dd-166 [000] ..... 7.983856: mm_page_alloc: page=1 pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_KERNEL',
      ' dd-166 [000] ..... 7.983857: mm_page_alloc: page=1 pfn=0x113b00 order=0 migratetype=1 gfp_flags=GFP_USER',
      ' dd-166 [000] ..... 7.983858: mm_page_free: page=1 pfn=0x113b00 order=0',
    ];
    const TRACE = `${PAGES.join('\n')}\n`;

    it('has no request until --shared says which are', async () => {
      const message = await refusal(importing('pages.txt', TRACE));
      expect(message).toMatch(/^pages\.txt: all of its 2 page allocations are background/);
      expect(message).toContain("--shared 'order>=4 & gfp~GFP_KERNEL'");
      const path = join(folder, 'pages.txt');
      const { sanity, workload } = await importTrace(path, { shared: parseSharedExpression('order=8') });
      expect(sanity).toMatchObject({ requests: 1, background: { allocations: 1, frees: 1 } });
      expect(workload.peakLivePages).toBe(256);
      expect(await refusal(importTrace(path, { shared: parseSharedExpression('order=9') }))).toBe(
        "pages.txt: none of its 2 page allocations is one with --shared 'order=9'; another example: --shared 'order>=4 & gfp~GFP_KERNEL'",
      );
    });

    it('that is mostly of other lines is refused for these', async () => {
      const lines = [...PAGES, 'what?', 'why?', 'who?', 'where?'].join('\n');
      const message = await refusal(importing('mostly.txt', lines));
      expect(message).toMatch(
        /^mostly\.txt:4: not a line of tracefs .*: what\? \(4 of 7 lines are not kernel-events lines; for example: dd-166/,
      );
    });

    it('says which gfp flags it has when --shared names another one', async () => {
      writeFileSync(join(folder, 'typo.txt'), TRACE);
      const message = await refusal(
        importTrace(join(folder, 'typo.txt'), { shared: parseSharedExpression('gfp~GFP_KERNAL') }),
      );
      expect(message.split('\n')[1]).toBe(
        'No allocation of the trace has the gfp flag GFP_KERNAL. Did you mean GFP_KERNEL? Its flags are GFP_KERNEL, GFP_USER.',
      );
      const { workload } = await importTrace(join(folder, 'typo.txt'), {
        shared: parseSharedExpression('order=8 & gfp!~GFP_ATOMIC'),
      });
      expect(workload.notes).toContainEqual(expect.stringContaining('has the gfp flag GFP_ATOMIC'));
    });

    it('may end its lines as DOS does', async () => {
      const path = join(folder, 'dos.txt');
      writeFileSync(path, TRACE.replaceAll('\n', '\r\n'));
      const { sanity } = await importTrace(path, { shared: parseSharedExpression('gfp~GFP_KERNEL') });
      expect(sanity).toMatchObject({ requests: 1, unparsed: { count: 0 } });
    });

    it('is one of probes when its beginning has them too: one source only', async () => {
      const probe =
        ' dd-166 [000] ..... 7.983859: setdec: (set_memory_decrypted+0x0/0x50) addr=0xffff88810dabf000 npages=1';
      const { format, sanity } = await importing('both.txt', `${TRACE}${probe}\n`);
      expect(format).toBe('dma-trace');
      expect(sanity).toMatchObject({ requests: 1, ignored: { mm_page_alloc: 2, mm_page_free: 1 } });
      const shared = parseSharedExpression('order=8');
      expect(await refusal(importTrace(join(folder, 'both.txt'), { shared }))).toContain(
        'all of it is shared memory',
      );
    });

    it('must be whole: not torn, not binary, no line without an end', async () => {
      const torn = gzipSync(TRACE.repeat(1000)).subarray(0, 100);
      expect(await refusal(importing('torn.txt.gz', torn))).toContain('damaged or cut off');
      const tail = Buffer.concat([Buffer.from(TRACE), Buffer.alloc(3 << 20, 0)]);
      expect(await refusal(importing('tail.txt', tail))).toContain('not a text file');
      const recording = await refusal(importing('perf.data', Buffer.from('PERFILE2\u0000\u0001\n')));
      expect(recording).toContain('perf script');
    });

    it('never makes the importer fail in its own way, whatever its lines are', () => {
      const line = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc
          .tuple(
            fc.constantFrom(...PAGES),
            fc.nat({ max: 120 }),
            fc.string({ unit: 'grapheme', maxLength: 5 }),
          )
          .map(([text, at, noise]) => text.slice(0, at) + noise + text.slice(at + noise.length)),
      );
      fc.assert(
        fc.property(fc.array(line), (lines) => {
          for (const format of TRACE_FORMATS) {
            const { requests, sanity } = readLines(format, lines);
            expect(accountedLines(sanity)).toBe(lines.length);
            expect(peakLivePages(requests)).toBeGreaterThanOrEqual(0);
          }
        }),
      );
    });
  });
});
