import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peakLivePages } from '../workloads/workload.ts';
import { importTrace, readText, readTrace } from './import.ts';
import { TRACE_FORMATS } from './registry.ts';
import { RequestsWriter } from './requests-file/write.ts';
import { parseSharedExpression } from './shared-expression.ts';
import { accountedLines, readLines } from './testing.ts';

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
