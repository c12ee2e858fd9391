import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readText } from '../files/read-text.ts';
import { recordingsWith } from '../files/testing.ts';
import type { Kernel } from './kernel.ts';
import { parseRecording, readRecording } from './recording.ts';
import { type ValidationResult, validate, validateRecording } from './replay.ts';

const BUNDLED = fileURLToPath(new URL('../../../../examples/traces/recordings/', import.meta.url));

function recordingsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.csv(\.gz)?$/.test(name))
    .sort();
}

/** What the kernels reported: rows after the first map, splits 2M / 1G, collapses 2M / 1G. */
const KNOWN: Readonly<Record<string, [rows: number, splits: string, collapses: string]>> = {
  'k61/E1a/ops.csv.gz': [4096, '48/1', '0/0'],
  'k61/E1f/ops.csv.gz': [4096, '6/0', '0/0'],
  'k61/E1w/ops.csv.gz': [4096, '425/0', '0/0'],
  'k61/E4c/ops.csv.gz': [244, '9/1', '0/0'],
  'k61/E5/ops.csv.gz': [2117, '7/1', '0/0'],
  'k61/E6dec/rnd.csv.gz': [1502, '314/1', '0/0'],
  'k61/E6dec/rules.csv.gz': [160, '52/3', '0/0'],
  // 2 by the swiotlb pool's ends, 13 by drivers.
  'k61/E7cc/scatter.csv.gz': [2, '15/0', '0/0'],
  'k61/EP/E1d.csv.gz': [4096, '75/1', '0/0'],
  'k61/EP/E2_ops0.csv.gz': [2052, '4/0', '0/0'],
  'k61/EP/E2_opsm.csv.gz': [7238, '9/0', '0/0'],
  'k61/EP/E3_ops0.csv.gz': [8, '0/0', '0/0'],
  'k61/EP/E3_opsm.csv.gz': [24, '0/0', '0/0'],
  'k612/E6dec/rules.csv.gz': [160, '52/3', '0/0'],
  'k73/E1f/ops.csv.gz': [4096, '4/0', '0/0'],
  'k73/E1m/ops.csv.gz': [7226, '21/1', '0/0'],
  'k73/E1w/ops.csv.gz': [4096, '407/0', '0/0'],
  'k73/E4c/ops.csv.gz': [190, '1/0', '0/0'],
  'k73/E5/ops.csv.gz': [2117, '8/1', '8/1'],
  'k73/E6dec/rnd.csv.gz': [1502, '314/1', '0/0'],
  'k73/E6dec/rules.csv.gz': [160, '52/3', '0/0'],
  // 2 by the swiotlb pool's ends, 9 by drivers.
  'k73/E7cc/scatter.csv.gz': [2, '11/0', '0/0'],
  'k73/EP/E1d.csv.gz': [4096, '5/0', '0/0'],
  'k73/EP/E2_ops0.csv.gz': [2052, '4/0', '0/0'],
  'k73/EP/E2_opsm.csv.gz': [7238, '8/0', '0/0'],
  'k73/EP/E3_ops0.csv.gz': [8, '0/0', '0/0'],
  'k73/EP/E3_opsm.csv.gz': [24, '0/0', '0/0'],
};

describe('the bundled recordings', () => {
  it('are those whose totals are known', () => {
    expect(recordingsIn(BUNDLED)).toEqual(Object.keys(KNOWN).sort());
  });

  it.each(Object.keys(KNOWN))('%s: the model does all that the kernel did', (name) => {
    const result = validateRecording(join(BUNDLED, name));
    expect(result.firstMismatch).toBeUndefined();
    expect(result.mismatches).toBe(0);
    const { splits2M, splits1G, collapses2M, collapses1G } = result.changes;
    expect([result.rows, `${splits2M}/${splits1G}`, `${collapses2M}/${collapses1G}`]).toEqual(KNOWN[name]);
    expect(result.mapPoints).toBeGreaterThanOrEqual(1);
    expect(result.comparisons).toBeGreaterThan(result.rows * 11);
  });

  it('have 1500 conversions of random ranges, on two kernels', () => {
    for (const kernel of ['k61', 'k73']) {
      expect(validateRecording(join(BUNDLED, kernel, 'E6dec/rnd.csv.gz')).conversions).toBe(1500);
    }
  });

  it.each([
    ['k61', 2 * 205],
    ['k73', 2 * 119],
  ])('%s/E7cc: the levels after the drivers come from the drivers alone', (kernel, conversions) => {
    const path = join(BUNDLED, kernel, 'E7cc/scatter.csv.gz');
    expect(validateRecording(path)).toMatchObject({ driverConversions: conversions, mismatches: 0 });
    const without = validate(readRecording(path), []);
    expect(without.mismatches).toBeGreaterThan(0);
    expect(without.firstMismatch?.what).toContain('#map,after');
  });

  it('tell what cannot be compared in them', () => {
    expect(validateRecording(join(BUNDLED, 'k73/E5/ops.csv.gz')).notCompared).toEqual({
      rowsBeforeStart: 1,
      rowsWithoutLevels: 0,
      runsWithoutFlags: 126,
    });
  });
});

/** A bundled recording with one line changed. */
function changed(name: string, change: (lines: string[]) => void, kernel?: Kernel): ValidationResult {
  const path = join(BUNDLED, name);
  const lines = readText(path).split('\n');
  change(lines);
  return validate(parseRecording(lines.join('\n'), name, kernel ?? readRecording(path).kernel));
}

/** Changes field `index` of the line with number `line`. */
const field = (line: number, index: number, change: (text: string) => string) => (lines: string[]) => {
  const fields = lines[line - 1].split(',');
  fields[index] = change(fields[index]);
  lines[line - 1] = fields.join(',');
};
const oneMore = (text: string) => String(Number(text) + 1);

const HEADER = readText(join(BUNDLED, 'k73/E4c/ops.csv.gz')).split('\n')[0].split(',');
const column = (name: string) => HEADER.indexOf(name);

describe('a recording in which one value is changed', () => {
  it('fails at the row with the changed delta, and only there', () => {
    const result = changed(
      'k61/E1w/ops.csv.gz',
      field(1000, column('l2_split_delta'), () => '7'),
    );
    expect(result.mismatches).toBe(1);
    expect(result.firstMismatch).toEqual({ line: 1000, what: 'l2_split_delta', kernel: '7', model: '0' });
  });

  it('fails at the row with the changed DirectMap value, and at the next, which starts from it', () => {
    const result = changed('k61/E1w/ops.csv.gz', field(1000, column('dm2M_kB'), oneMore));
    expect(result.mismatches).toBe(2);
    expect(result.firstMismatch).toEqual({
      line: 1000,
      what: 'dm2M_kB since line 999',
      kernel: '1',
      model: '0',
    });
  });

  it('fails at the map run with the changed level, and only there', () => {
    const name = 'k61/E1w/ops.csv.gz';
    const lines = readText(join(BUNDLED, name)).split('\n');
    const line = lines.findIndex((text) => text.startsWith('#map,held,13312,')) + 1;
    expect(lines[line - 1]).toMatch(/^#map,held,13312,\d+,2,/);
    const result = changed(
      name,
      field(line, 4, () => '1'),
    );
    expect(result.mismatches).toBe(1);
    expect(result.firstMismatch).toMatchObject({ line, kernel: '1', model: '2 at pfn 13312' });
  });

  it('fails at the map run with the changed flags, and only there', () => {
    const name = 'k61/E6dec/rules.csv.gz';
    const lines = readText(join(BUNDLED, name)).split('\n');
    const line = lines.findIndex((text) => /^#map,rules,.*,2,0x8010000000000183$/.test(text)) + 1;
    const result = changed(
      name,
      field(line, 5, () => '0x8000000000000183'),
    );
    expect(result.mismatches).toBe(1);
    expect(result.firstMismatch).toMatchObject({ line, kernel: 'plain' });
    expect(result.firstMismatch?.model).toMatch(/^decrypted at pfn \d+$/);
  });

  it('fails at a conversion that is said to have failed', () => {
    const name = 'k61/E1w/ops.csv.gz';
    const result = changed(
      name,
      field(29, column('rc'), () => '-22'),
    );
    expect(result.firstMismatch).toEqual({ line: 29, what: 'level_after', kernel: '1', model: '2' });
  });

  it('fails where a map ends early', () => {
    const name = 'k61/EP/E3_ops0.csv.gz';
    const lines = readText(join(BUNDLED, name)).trimEnd().split('\n');
    expect(lines.at(-1)).toContain('#map,after');
    const result = changed(name, (all) => all.splice(lines.length - 1, 1));
    expect(result.mismatches).toBe(1);
    expect(result.firstMismatch).toMatchObject({ line: lines.length - 1, what: '#map,after: end' });
  });

  it('fails at exactly that row, whichever compared value it is', () => {
    const name = 'k73/E4c/ops.csv.gz';
    const text = readText(join(BUNDLED, name)).split('\n');
    const conversions = text.flatMap((line, index) => (/^\d+,vbf?,/.test(line) ? [index + 1] : []));
    const compared = HEADER.slice(column('level_before'), column('ns'));
    expect(compared).toHaveLength(13);
    fc.assert(
      fc.property(fc.constantFrom(...conversions), fc.constantFrom(...compared), (line, name_) => {
        const other = name_.startsWith('level')
          ? (level: string) => String((Number(level) + 1) % 4)
          : oneMore;
        const result = changed(name, field(line, column(name_), other));
        expect(result.firstMismatch?.line).toBe(line);
        expect(result.firstMismatch?.what).toContain(name_);
        expect(result.mismatches).toBeLessThanOrEqual(2);
      }),
      { numRuns: 40 },
    );
  });

  it('fails at the first set_memory_rox() when it is taken for one from before 6.15', () => {
    const kernel = (minor: number) => ({ version: `6.${minor}`, major: 6, minor });
    const unchanged = () => {};
    expect(changed('k73/E5/ops.csv.gz', unchanged, kernel(15)).mismatches).toBe(0);
    expect(changed('k73/E5/ops.csv.gz', unchanged, kernel(14)).firstMismatch).toEqual({
      line: 1114,
      what: 'level_after',
      kernel: '2',
      model: '1',
    });
  });
});

const KERNEL: Kernel = { version: '7.3.4', major: 7, minor: 3 };
const MAP = ['#map,start,start_pfn,npages,level,flags', '#map,start,0,4096,2,0x8000000000000183'];

interface RowValues {
  op: string;
  pfn?: number;
  pages?: number;
  rc?: number;
  levels?: [number, number];
  splits?: number;
  total?: number;
}

/** A row on area 9; DirectMap values follow from the total of splits. */
function row({ op, pfn = 0, pages = 1, rc = 0, levels = [0, 0], splits = 0, total = 0 }: RowValues): string {
  const kb = [total * 2048, 16384 - total * 2048, 0];
  const method = op === 'vmalloc' || op === 'mark' ? '-' : 'dec';
  return [0, op, 9, method, pfn, pages, rc, ...levels, splits, 0, 0, 0, total, 0, 0, 0, ...kb, 1].join(',');
}

const validateLines = (...lines: string[]) =>
  validate(parseRecording([HEADER.join(','), ...lines].join('\n'), 'ops.csv', KERNEL));

describe('a vmalloc area', () => {
  // Five pages in three blocks; the second run is contiguous, but each page is converted on its own.
  const area = [row({ op: 'vmalloc', pages: 5 }), '#vrun,9,0,700,1', '#vrun,9,1,1100,3', '#vrun,9,4,2047,1'];

  it('is converted page by page by one call', () => {
    const result = validateLines(
      ...MAP,
      ...area,
      row({ op: 'vd', pfn: 700, pages: 5, levels: [2, 1], splits: 3, total: 3 }),
      row({ op: 've', pfn: 700, pages: 5, levels: [1, 1], total: 3 }),
      '#map,end,start_pfn,npages,level,flags',
      '#map,end,0,512,2,0x8000000000000183',
      '#map,end,512,512,1,0x0',
      '#map,end,1024,512,1,0x0',
      '#map,end,1536,512,1,0x0',
      '#map,end,2048,2048,2,0x8000000000000183',
    );
    expect(result).toMatchObject({
      mismatches: 0,
      rows: 3,
      conversions: 2,
      mapPoints: 1,
      changes: { splits2M: 3 },
    });
  });

  it('splits even a block that it covers', () => {
    const result = validateLines(
      ...MAP,
      row({ op: 'vmalloc', pages: 512 }),
      '#vrun,9,0,1024,512',
      row({ op: 'vd', pfn: 1024, pages: 512, levels: [2, 1], splits: 1, total: 1 }),
    );
    expect(result.mismatches).toBe(0);
  });

  it('is compared with the sum where its pages are rows of their own', () => {
    const result = validateLines(
      ...MAP,
      ...area,
      row({ op: 'vc', pfn: 700, levels: [2, 1], splits: 1, total: 1 }),
      row({ op: 'vc', pfn: 1100, levels: [2, 1], splits: 1, total: 2 }),
      row({ op: 'vc', pfn: 1101, levels: [1, 1], total: 2 }),
      row({ op: 'vc', pfn: 1102, levels: [1, 1], total: 2 }),
      row({ op: 'vc', pfn: 2047, levels: [2, 1], splits: 1, total: 3 }),
      row({ op: 'vc_done', pfn: 700, pages: 5, splits: 3, total: 3 }),
    );
    expect(result).toMatchObject({ mismatches: 0, conversions: 5, notCompared: { rowsWithoutLevels: 1 } });
  });

  it('is compared with the sum where rows of its pages are muted', () => {
    const done = (splits: number) =>
      validateLines(
        ...MAP,
        ...area,
        row({ op: 'vc', pfn: 700, levels: [2, 1], splits: 1, total: 1 }),
        row({ op: 'vc_done', pfn: 700, pages: 5, splits, total: 3 }),
        row({ op: 'vr_done', pfn: 700, pages: 5, total: 3 }),
      );
    expect(done(3)).toMatchObject({ mismatches: 0, conversions: 10, changes: { splits2M: 3 } });
    expect(done(2)).toMatchObject({ mismatches: 1, firstMismatch: { line: 9, what: 'l2_split_delta' } });
  });

  describe('whose sum names no method, as the probe writes it', () => {
    const done = (op: string, total: number) => row({ op, pages: 5, total }).replace(',dec,', ',-,');
    const split = row({ op: 'vc', pfn: 700, levels: [2, 1], splits: 1, total: 1 });

    it('is compared by the counters since boot, and converts the pages without a row', () => {
      const rows = [
        split,
        row({ op: 'vc', pfn: 1100, levels: [2, 1], splits: 1, total: 2 }),
        row({ op: 'vc', pfn: 2047, levels: [2, 1], splits: 1, total: 3 }),
      ];
      const whole = validateLines(...MAP, ...area, ...rows, done('vc_done', 3), done('vr_done', 3));
      expect(whole).toMatchObject({ mismatches: 0, conversions: 10, changes: { splits2M: 3 } });
      expect(validateLines(...MAP, ...area, ...rows, done('vc_done', 4))).toMatchObject({
        firstMismatch: { line: 11, what: 'l2_splits since line 10', kernel: '1', model: '0' },
      });
    });

    it('differs when a page without a row splits in the model: the probe would have written one', () => {
      expect(validateLines(...MAP, ...area, split, done('vc_done', 1))).toMatchObject({
        firstMismatch: { line: 9, what: 'l2_splits since line 8', kernel: '0', model: '2' },
      });
    });

    it('ends before the page that failed', () => {
      const failed = row({ op: 'vc', pfn: 1100, rc: -12, levels: [2, 2], total: 1 });
      expect(validateLines(...MAP, ...area, split, failed, done('vc_done', 1))).toMatchObject({
        mismatches: 0,
        conversions: 1,
      });
    });

    it('needs no #vrun lines', () => {
      expect(validateLines(...MAP, row({ op: 'vmalloc' }), split, done('vc_done', 1))).toMatchObject({
        mismatches: 0,
        conversions: 1,
      });
    });
  });

  it('may have the id of one that was freed', () => {
    const result = validateLines(
      ...MAP,
      ...area,
      row({ op: 'vmalloc' }),
      '#vrun,9,0,5,1',
      row({ op: 'vd', pfn: 5, levels: [2, 1], splits: 1, total: 1 }),
    );
    expect(result.mismatches).toBe(0);
  });

  it('must have #vrun lines with its pages', () => {
    expect(() => validateLines(...MAP, row({ op: 'vd' }))).toThrow(
      "ops.csv:4: 'vd' on area 9 without its pages; expected #vrun,9 lines before it",
    );
    expect(() => validateLines(...MAP, '#vrun,9,0,5,2', '#vrun,9,3,9,1')).toThrow(
      'ops.csv:5: page_index is 3; expected 0 or 2, the next page of area 9',
    );
  });
});

describe('a recording that cannot be replayed', () => {
  it.each([
    ['has no map', [row({ op: 'mark' })], 'ops.csv: no #map to start from; expected a walk'],
    ['converts before its map', [row({ op: 'x' }), ...MAP], "ops.csv:2: 'x' before the first #map; expected"],
    [
      'converts pages outside its map',
      [...MAP, row({ op: 'x', pfn: 4090, pages: 7, levels: [2, 1] })],
      'ops.csv:4: pages 4090 to 4096; expected pages below 4096, where the first #map ends',
    ],
  ])('because it %s is refused', (_, lines, message) => {
    expect(() => validateLines(...lines)).toThrow(InputError);
    expect(() => validateLines(...lines)).toThrow(message);
  });

  it('may have rows before its map that convert nothing; their counters are where the first row starts', () => {
    const first = row({ op: 'x', pfn: 5, levels: [2, 1], splits: 1, total: 1 });
    const result = (before: string) => validateLines(before, ...MAP, first);
    expect(result(row({ op: 'x', rc: -16 }))).toMatchObject({ mismatches: 0, rows: 1, conversions: 1 });
    expect(result(row({ op: 'mark', total: 1 }))).toMatchObject({
      firstMismatch: { line: 5, what: 'l2_splits since line 2', kernel: '0', model: '1' },
    });
  });
});

const OWN = recordingsWith('k61/E7cc');

describe.skipIf(OWN === undefined)('the recordings in DECPOOL_RECORDINGS', () => {
  const folder = OWN ?? '';
  const names = OWN === undefined ? ['(not set)'] : recordingsIn(folder);

  it('are there', () => {
    expect(names.length).toBeGreaterThan(0);
  });

  it.each(names)('%s: the model does all that the kernel did', (name) => {
    const { mismatches, firstMismatch } = validateRecording(join(folder, name));
    expect({ mismatches, firstMismatch }).toEqual({ mismatches: 0, firstMismatch: undefined });
  });
});
