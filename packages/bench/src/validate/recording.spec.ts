import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { driverConversionsBeside } from './driver-conversions.ts';
import { parseRecording, readRecording } from './recording.ts';

const HEADER =
  'seq,op,id,method,pfn,npages,rc,level_before,level_after,l2_split_delta,l3_split_delta,l2_collapse_delta,' +
  'l3_collapse_delta,l2_splits,l3_splits,l2_collapses,l3_collapses,dm4k_kB,dm2M_kB,dm1G_kB,ns';
const HEADING = '#map,before,start_pfn,npages,level,flags';
const RUN = '#map,before,0,1024,2,0x8000000000000183';
const ROW = '7,x,3,dec,5,1,0,2,1,1,0,0,0,10,0,0,0,2048,2048,0,1377';
const KERNEL = { version: '6.1.192', major: 6, minor: 1 };

const parse = (...lines: string[]) => parseRecording([HEADER, ...lines, ''].join('\n'), 'ops.csv', KERNEL);

describe('a recording', () => {
  it('is read as rows, maps and areas, in the order of the file', () => {
    const { entries } = parse(HEADING, RUN, '#frag,got=8,freed=4', '#bad,what', '#vrun,9,0,512,3', ROW);
    expect(entries).toEqual([
      {
        kind: 'map',
        line: 2,
        label: 'before',
        runs: [{ line: 3, pfn: 0, pages: 1024, level: 2, flags: 0x8000000000000183n }],
      },
      { kind: 'area-run', line: 6, area: '9', pageIndex: 0, pfn: 512, pages: 3 },
      {
        kind: 'row',
        line: 7,
        op: 'x',
        operation: { scope: 'range', set: true },
        id: '3',
        method: 'dec',
        pfn: 5,
        pages: 1,
        rc: 0,
        levelBefore: 2,
        levelAfter: 1,
        delta: { splits2M: 1, splits1G: 0, collapses2M: 0, collapses1G: 0 },
        total: { splits2M: 10, splits1G: 0, collapses2M: 0, collapses1G: 0 },
        directMapKb: [2048, 2048, 0],
      },
    ]);
  });

  it.each([
    ['x c C vb rawset swiotlb', { scope: 'range', set: true }],
    ['y r R vbf rawclr', { scope: 'range', set: false }],
    ['vd', { scope: 'area', set: true }],
    ['ve', { scope: 'area', set: false }],
    ['vc', { scope: 'area-page', set: true }],
    ['vr', { scope: 'area-page', set: false }],
    ['vc_done', { scope: 'area-sum', set: true }],
    ['vr_done', { scope: 'area-sum', set: false }],
    ['alloc contig free enomem mark cc vmalloc', { scope: 'none' }],
  ])('knows the operations %s', (ops, operation) => {
    for (const op of ops.split(' ')) {
      expect(parse(ROW.replace(',x,', `,${op},`)).entries).toMatchObject([{ op, operation }]);
    }
  });

  it('can have a method that is none only in a row that converts nothing or sums up an area', () => {
    for (const op of ['mark', 'vc_done', 'vr_done']) {
      expect(parse(ROW.replace('x,3,dec', `${op},3,-`)).entries).toMatchObject([{ method: undefined }]);
    }
    expect(() => parse(ROW.replace('dec', '-'))).toThrow(
      "ops.csv:2: op 'x' with method '-'; expected dec, uc, rox",
    );
  });

  it.each([
    ['a cut row', [ROW.slice(0, 30)], 'ops.csv:2: 14 fields; expected 21: seq,op,'],
    ['an unknown op', [ROW.replace(',x,', ',q,')], "ops.csv:2: unknown op 'q'; expected one of x, c, C,"],
    [
      'a word for a number',
      [ROW.replace(',5,', ',five,')],
      "ops.csv:2: pfn is 'five'; expected a whole number",
    ],
    ['an empty number', [ROW.replace(',5,', ',,')], "ops.csv:2: pfn is ''; expected a whole number"],
    [
      'a level too high',
      [ROW.replace(',0,2,1,', ',0,4,1,')],
      "level_before is '4'; expected 0 (hole), 1 (4K)",
    ],
    [
      'a positive rc',
      [ROW.replace(',0,2,1,', ',1,2,1,')],
      "ops.csv:2: rc is '1'; expected 0 or a negative errno",
    ],
    [
      'an unknown comment',
      ['#what,1'],
      "ops.csv:2: unknown comment '#what'; expected #map, #vrun, #frag or #bad",
    ],
    [
      'a map run without heading',
      [RUN],
      "ops.csv:2: a run of map 'before' without its heading; expected #map,label",
    ],
    [
      'a map run of another map',
      [HEADING, RUN.replace('before', 'after')],
      "ops.csv:3: a run of map 'after' without",
    ],
    [
      'a gap in a map',
      [HEADING, RUN.replace(',0,', ',512,')],
      'ops.csv:3: start_pfn is 512; expected 0, where',
    ],
    ['a run of half a block', [HEADING, RUN.replace('1024', '100')], 'expected whole entries of 512 pages'],
    ['a 1G run of 2 MiB', [HEADING, RUN.replace(',2,', ',3,')], 'expected whole entries of 262144 pages'],
    [
      'a map of 2 TiB',
      [HEADING, RUN.replace('1024', '536870912')],
      'ops.csv:3: the map ends at 536870912; expected',
    ],
    ['decimal flags', [HEADING, RUN.replace('0x8', '8')], 'expected hexadecimal, such as 0x183'],
    [
      'a vmalloc run without pages',
      ['#vrun,9,0,512'],
      'ops.csv:2: 4 fields; expected 5: #vrun,id,page_index',
    ],
  ])('with %s is refused, with its line', (_, lines, message) => {
    expect(() => parse(...lines)).toThrow(InputError);
    expect(() => parse(...lines)).toThrow(message);
  });

  it('with another header is refused', () => {
    expect(() => parseRecording('a,b,c\n', 'ops.csv', KERNEL)).toThrow(
      "ops.csv:1: the header is 'a,b,c'; expected seq,op,id",
    );
  });
});

describe('the files', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    writeFileSync(at('meta.json'), '{"kernel": "7.3.4 (trixie-backports)"}');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('may be gzipped, whatever their name', () => {
    writeFileSync(at('plain.csv.gz'), `${HEADER}\n${ROW}\n`);
    writeFileSync(at('packed.csv'), gzipSync(`${HEADER}\n${ROW}\n`));
    const plain = readRecording(at('plain.csv.gz'));
    expect(plain.entries).toHaveLength(1);
    expect(readRecording(at('packed.csv')).entries).toEqual(plain.entries);
    expect(plain.kernel).toEqual({ version: '7.3.4', major: 7, minor: 3 });
  });

  it('must be there and whole', () => {
    writeFileSync(at('cut.csv.gz'), gzipSync(`${HEADER}\n${ROW}\n`).subarray(0, 60));
    expect(() => readRecording(at('none.csv'))).toThrow(InputError);
    expect(() => readRecording(at('none.csv'))).toThrow(/none\.csv: cannot be read \(ENOENT/);
    expect(() => readRecording(at('cut.csv.gz'))).toThrow(
      /cut\.csv\.gz: cannot be read \(unexpected end of file/,
    );
  });

  it('may have a meta.json that names the kernel; without it the kernel is unknown', () => {
    writeFileSync(at('ops.csv'), `${HEADER}\n`);
    writeFileSync(at('meta.json'), '{"kernel": "unknown"}');
    expect(() => readRecording(at('ops.csv'))).toThrow(
      /meta\.json: kernel: expected a kernel version such as 6\.1\.192/,
    );
    writeFileSync(at('meta.json'), '{');
    expect(() => readRecording(at('ops.csv'))).toThrow(/meta\.json: not JSON/);
    rmSync(at('meta.json'));
    expect(readRecording(at('ops.csv')).kernel).toEqual({ version: 'unknown', major: 0, minor: 0 });
    // A counter that kernels have since 6.15.
    writeFileSync(at('ops.csv'), `${HEADER}\n${ROW.replace(',10,0,0,0,', ',10,0,4,0,')}\n`);
    expect(readRecording(at('ops.csv')).kernel).toEqual({ version: 'unknown', major: 6, minor: 15 });
  });

  it('may have a trace of what drivers converted beside them', () => {
    expect(driverConversionsBeside(at('ops.csv'))).toEqual([]);
    const trace = at('dma_requests.ndjson.gz');
    const lines = [
      '{"t":1.5,"op":"coherent_alloc","dev":"0000:00:05.0","bytes":512}',
      '{"t":1.6,"op":"dec","npages":2,"task":"kworker","pfn":40,"stack":["probe"]}',
      '{"t":1.7,"op":"enc","npages":2,"task":"kworker","pfn":40}',
    ];
    writeFileSync(trace, gzipSync(`${lines.join('\n')}\n`));
    expect(driverConversionsBeside(at('ops.csv'))).toEqual([
      { file: trace, line: 2, set: true, pfn: 40, pages: 2 },
      { file: trace, line: 3, set: false, pfn: 40, pages: 2 },
    ]);
    writeFileSync(trace, `${lines[0]}\n{"t":1.6,"op":"dec","pfn":40}\n`);
    expect(() => driverConversionsBeside(at('ops.csv'))).toThrow(
      /dma_requests\.ndjson\.gz:2: npages: .*: '{"t":1\.6,"op":"dec","pfn":40}'; expected dma-requests: {"t":/,
    );
  });
});
