import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseFreelists } from '../../traces/memory-state/freelists.ts';
import { freelistsText, SMALL_DUMP } from '../../traces/memory-state/testing.ts';
import { exactText } from './report.ts';
import { readRun, validateRun } from './run.ts';

const run = (...steps: string[]) => validateRun(parseFreelists(freelistsText(steps), 'made/freelists'));

const CONVERTING = ['freelists', SMALL_DUMP[0].replace('convert=0', 'convert=1')] as const;
const converting = (...steps: string[]) =>
  validateRun(parseFreelists(freelistsText(steps, CONVERTING), 'made/freelists'));

describe('a recorded sequence beside the model', () => {
  it('is exact if every page is that of the kernel: first the list of the CPU, then the free lists', () => {
    const result = run('a 1 0 1024', 'a 2 0 1027', 'a 3 1 1032', 'f 2', 'a 4 0 1027');
    expect(result).toMatchObject({ own: { same: 4, all: 4 }, others: { same: 0, all: 0 }, passes: true });
    expect(result.difference).toBeUndefined();
  });

  it('counts the requests of others apart, and takes their frees as facts', () => {
    const result = run(
      'xa 0 1024 0 0 dd GFP_KERNEL',
      'xf 0 1050 0 dd',
      'a 1 0 1050',
      'xa 0 1111 0 0 dd GFP_KERNEL',
    );
    expect(result).toMatchObject({ own: { same: 1, all: 1 }, others: { same: 1, all: 2 }, passes: false });
    expect(result.difference).toMatchObject({
      isOwn: false,
      request: 1,
      kernel: { pfn: 1111, place: undefined },
    });
  });

  it('serves each CPU from its own lists', () => {
    expect(run('c 1', 'a 1 0 1027', 'c 0', 'a 2 0 1024').passes).toBe(true);
  });

  it('a request that failed in the kernel is the same if the model has no chunk either', () => {
    // The only chunk of the order would bring the zone below its min watermark.
    expect(run('a 1 10 0', 'f 1')).toMatchObject({ own: { same: 1, all: 1 }, passes: true });
  });

  it('shows the first difference with the lists that both pages were in', () => {
    const result = run('a 1 0 1024', 'a 2 0 1030', 'a 3 0 1025');
    expect(result).toMatchObject({ own: { same: 2, all: 3 }, passes: false });
    expect(exactText([result])).toContain(
      [
        '/made (7.3.4+deb13-amd64 made-mix-1)',
        `  first difference: request 1 (line ${SMALL_DUMP.length + 2}), order 0 on CPU 0`,
        '    kernel: page 1030, zone Normal, free list, order 0, Unmovable, chunk 3 of 3',
        '    model:  page 1027, zone Normal, free list, order 0, Unmovable, chunk 1 of 3',
      ].join('\n'),
    );
  });

  it('goes on after a difference, when a chunk that others free is free in the model', () => {
    const result = run('a 1 0 1030', 'xf 0 1024 0 dd', 'xf 0 1027 0 dd', 'f 1', 'a 2 0 1024');
    expect(result.own).toEqual({ same: 1, all: 2 });
  });
});

describe('a sequence that converts its pages', () => {
  it('has the splits of the model beside those of the kernel', () => {
    const result = converting('a 1 0 1024 1 0', 'a 2 0 1027 0 0', 'f 1 0 0');
    expect(result.splits).toMatchObject({
      kernel: { splits2M: 1, splits1G: 0 },
      model: { splits2M: 1, splits1G: 0 },
      missing: 0,
      mappedBefore: [],
    });
    expect(result.passes).toBe(true);
  });

  it('passes if the kernel split nothing: 4K pages may have mapped the block before', () => {
    const result = converting('a 1 0 1024 0 0');
    expect(result).toMatchObject({ splits: { missing: 0, mappedBefore: [1024] }, passes: true });
    expect(exactText([result])).toContain(
      '4K pages mapped 1 block before the dump, which does not say so: 1024',
    );
  });

  it('fails if the kernel split what the model does not', () => {
    const result = converting('a 1 0 1024 1 0', 'a 2 0 1027 1 0');
    expect(result).toMatchObject({ splits: { missing: 1 }, passes: false });
    expect(exactText([result])).toContain('DIFFERS');
  });
});

describe('a sequence that converts its pages, with a walk of the direct map beside it', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-exact-spec-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const splitBy = (kernel: number, level: number) => {
    writeFileSync(join(folder, 'freelists'), freelistsText([`a 1 0 1024 ${kernel} 0`], CONVERTING));
    writeFileSync(join(folder, 'directmap'), `#map,before,1024,3072,${level},0x0\n`);
    return validateRun(readRun(folder));
  };

  it('splits no block that 4K pages mapped before', () => {
    expect(splitBy(0, 1)).toMatchObject({
      splits: { model: { splits2M: 0 }, mappedBefore: [] },
      passes: true,
    });
    expect(splitBy(1, 2)).toMatchObject({ splits: { model: { splits2M: 1 }, missing: 0 }, passes: true });
  });

  it('fails if only the model splits a block', () => {
    const result = splitBy(0, 2);
    expect(result).toMatchObject({ splits: { mappedBefore: [1024] }, passes: false });
    const text = exactText([result]);
    expect(text).toContain('1 + 0 (1 too many)');
    expect(text).toContain('only the model split 1 block: 1024');
  });
});
