import { spanOf, x86Geometry } from '@decpool/model';
import { MIGRATETYPES } from '@decpool/model/internal';
import { expect, it } from 'vitest';
import { freePagesAtStart } from './free-at-start.ts';
import { PageSource } from './page-source.ts';
import { fragmented, freshBoot } from './profiles.ts';

const MIB = 2 ** 20;

it.each([freshBoot(256 * MIB), fragmented(256 * MIB, 0.5, 3), freshBoot(512 * MIB, 2)])(
  'tells of $name block by block what a page source can hand out',
  (memory) => {
    const geometry = x86Geometry(spanOf(memory));
    const source = new PageSource(memory, geometry, 7);
    const handedOut = new Int32Array(geometry.spanPages / 512);
    for (const migratetype of MIGRATETYPES) {
      for (let pfn = source.claim(0, migratetype); pfn !== -1; pfn = source.claim(0, migratetype)) {
        handedOut[Math.floor(pfn / 512)]++;
      }
    }
    expect(freePagesAtStart(memory, geometry, 7)).toEqual(handedOut);
    expect(source.freePages).toBe(0);
  },
);

it('puts small free chunks elsewhere with another placement seed', () => {
  const memory = fragmented(256 * MIB, 0.5, 3);
  const geometry = x86Geometry(spanOf(memory));
  expect(freePagesAtStart(memory, geometry, 1)).not.toEqual(freePagesAtStart(memory, geometry, 2));
});
