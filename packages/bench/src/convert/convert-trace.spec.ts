import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { importTrace } from '../traces/import.ts';
import { BATCH_ROWS } from '../traces/requests-file/columns.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import { convertTrace, isTrace } from './convert-trace.ts';
import { writeShortLog } from './testing.ts';

const BUNDLED = fileURLToPath(new URL('../../../../examples/traces/requests', import.meta.url));

let root = '';
let folder = '';
const at = (name: string) => join(folder, name);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(root, 'convert-'));
});
const text = (name: string, lines: readonly string[]) => {
  writeFileSync(at(name), `${lines.join('\n')}\n`);
  return at(name);
};

const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).message.replaceAll(`${folder}/`, '');
};

const BOUNCE = (time: string, address: string) =>
  ` a-1 [001] d..1. ${time}: swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ff dev_addr=${address} size=9000 FORCE`;
const PAGES = [
  ' dd-166 [000] ..... 7.983856: mm_page_alloc: page=1 pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_ATOMIC|__GFP_DMA32',
  ' dd-166 [003] ..... 7.983857: mm_page_alloc: page=1 pfn=0x113b00 order=0 migratetype=4 gfp_flags=GFP_USER',
  'CPU:3 [LOST 17 EVENTS]',
  ' dd-166 [003] ..... 7.983858: mm_page_free: page=1 pfn=0x113b00 order=0',
  ' dd-166 [003] ..... 7.983858: mm_page_free: page=1 pfn=0x113b00 or',
];

describe('a trace that is converted', () => {
  it.each(['k61-E7cc.dma_trace.txt.gz', 'k73-E7cc.dma_requests.ndjson.gz', 'seqmix.txt'])(
    '%s is the same when it is read again: requests, name, notes and counts of lines',
    async (name) => {
      const trace = await importTrace(join(BUNDLED, name));
      for (const out of ['out.arrow', 'out.arrow.gz']) {
        const { requests, sha256 } = await convertTrace(join(BUNDLED, name), at(out));
        const again = await importTrace(at(out));
        expect(again).toStrictEqual(trace);
        expect(JSON.stringify(again.sanity)).toBe(JSON.stringify(trace.sanity));
        expect(requests).toBe(trace.workload.requests.length);
        expect(sha256).toBe(requestsHash(trace.workload));
      }
      expect(gunzipSync(readFileSync(at('out.arrow.gz'))).equals(readFileSync(at('out.arrow')))).toBe(true);
      expect(readdirSync(folder).sort()).toEqual(['out.arrow', 'out.arrow.gz']);
    },
  );

  it('keeps background, CPUs, gfp flags, lost events, bad lines, and what --shared chose', async () => {
    const path = text('pages.txt', PAGES);
    const shared = parseSharedExpression('order=8');
    await convertTrace(path, at('pages.arrow'), { shared });
    const trace = await importTrace(at('pages.arrow'));
    expect(trace).toStrictEqual(await importTrace(path, { shared }));
    expect(trace.sanity).toMatchObject({ lostEvents: 17, unparsed: { count: 1 }, background: { frees: 1 } });
    expect(await refusal(importTrace(at('pages.arrow'), { shared }))).toBe(
      "pages.arrow: --shared chooses among page allocations of a trace, and these are requests, chosen by --shared 'order=8'; convert the trace again with another --shared",
    );
  });

  it('has assumed frees at their own time, also in a trace of several batches', async () => {
    const lines = Array.from({ length: BATCH_ROWS + 9 }, (_, i) =>
      BOUNCE(`1.${String(i * 7).padStart(6, '0')}`, `${i}000`),
    );
    const path = text('bounces.txt', lines);
    await convertTrace(path, at('bounces.arrow'));
    const trace = await importTrace(path);
    expect(trace.sanity.assumedFrees).toBe(lines.length);
    const again = await importTrace(at('bounces.arrow'));
    expect(requestsHash(again.workload)).toBe(requestsHash(trace.workload));
    expect(again.sanity).toEqual(trace.sanity);
    expect(readdirSync(folder).sort()).toEqual(['bounces.arrow', 'bounces.txt']);
  });

  it('can be converted again, into the same bytes', async () => {
    await convertTrace(join(BUNDLED, 'seqmix.txt'), at('one.arrow'));
    await convertTrace(at('one.arrow'), at('two.arrow'));
    expect(readFileSync(at('two.arrow')).equals(readFileSync(at('one.arrow')))).toBe(true);
  });

  it('is a table for every reader of Arrow', async () => {
    await convertTrace(text('few.txt', ['a 1 0', 'a 2 3', 'f 1 0']), at('few.arrow'));
    const rows = tableFromIPC(readFileSync(at('few.arrow'))).toArray();
    expect(rows.map(({ kind, id, pages, time, name }) => [kind, id, pages, time, name])).toEqual([
      [0, 1, 1, 0, 'few'],
      [0, 2, 8, 1e6, null],
      [1, 1, 0, 2e6, null],
    ]);
  });
});

describe('nothing is left behind', () => {
  it('if the trace is refused', async () => {
    expect(await refusal(convertTrace(text('pages.txt', PAGES), at('out.arrow')))).toContain('background');
    expect(await refusal(convertTrace(text('noise.txt', ['?']), at('out.arrow')))).toContain(
      'known trace format',
    );
    expect(await refusal(convertTrace(at('missing.txt'), at('out.arrow')))).toContain('no such file');
    expect(readdirSync(folder).sort()).toEqual(['noise.txt', 'pages.txt']);
  });

  it('if it is interrupted', async () => {
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(convertTrace(join(BUNDLED, 'seqmix.txt'), at('out.arrow'), { signal })).rejects.toThrow(
      'stop',
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('if the new file cannot be written, exists, or has another ending', async () => {
    const trace = join(BUNDLED, 'seq0.txt');
    expect(await refusal(convertTrace(trace, at('no/out.arrow')))).toMatch(
      /^no\/out\.arrow: cannot be written: ENOENT/,
    );
    mkdirSync(at('out.arrow'));
    expect(await refusal(convertTrace(trace, at('out.arrow')))).toBe(
      'out.arrow: already exists; expected the name of a new file',
    );
    expect(await refusal(convertTrace(trace, at('out.ndjson')))).toBe(
      'out.ndjson: requests of a trace become Arrow; use a name that ends with .arrow or .arrow.gz',
    );
    expect(readdirSync(folder)).toEqual(['out.arrow']);
  });

  it('if another is writing it, or a link lies there: neither is touched', async () => {
    writeFileSync(at('theirs'), 'theirs');
    symlinkSync(at('theirs'), at('out.arrow.partial'));
    expect(await refusal(convertTrace(join(BUNDLED, 'seq0.txt'), at('out.arrow')))).toBe(
      'out.arrow.partial: already exists; wait for the run that writes it, or remove it',
    );
    expect(readFileSync(at('theirs'), 'utf8')).toBe('theirs');
    expect(readdirSync(folder).sort()).toEqual(['out.arrow.partial', 'theirs']);
  });
});

describe('a file of requests', () => {
  it('is refused if it is cut off anywhere, or if any byte of its numbers was changed', async () => {
    await convertTrace(join(BUNDLED, 'seq0.txt'), at('whole.arrow'));
    const whole = readFileSync(at('whole.arrow'));
    for (const share of [0.001, 0.01, 0.3, 0.7, 0.98]) {
      writeFileSync(at('cut.arrow'), whole.subarray(0, Math.ceil(whole.length * share)));
      expect(await refusal(importTrace(at('cut.arrow')))).toMatch(/^cut\.arrow: /);
    }
    const first = whole.indexOf('seq0', whole.indexOf('checkpoint'));
    for (const place of [first, first - 12_000, first - 30_000, first - 45_000]) {
      const changed = Buffer.from(whole);
      changed[place] ^= 0x10;
      writeFileSync(at('changed.arrow'), changed);
      expect(await refusal(importTrace(at('changed.arrow')))).toMatch(
        /^changed\.arrow: .*(?:checksum|damaged|unknown|ends before)/,
      );
    }
  });

  it('is no event log, and an event log is no trace', async () => {
    await writeShortLog(at('log.arrow'), 'arrow');
    await writeShortLog(at('log.ndjson'), 'ndjson');
    await convertTrace(join(BUNDLED, 'seq0.txt'), at('requests.arrow.gz'));
    const found = await Promise.all(
      [
        at('log.arrow'),
        at('log.ndjson'),
        at('requests.arrow.gz'),
        join(BUNDLED, 'k61-E7cc.dma_requests.ndjson.gz'),
      ].map(isTrace),
    );
    expect(found).toEqual([false, false, true, true]);
    expect(await refusal(importTrace(at('log.arrow')))).toContain('log.arrow: in its header: ');
  });
});
