import { spanOf, x86Geometry } from '@decpool/model';
import { MIGRATETYPES, packChunks } from '@decpool/model/internal';
import { expect, it } from 'vitest';
import { chunksAtStart, freePagesAtStart } from './free-at-start.ts';
import { PageSource } from './page-source.ts';
import { fragmented, freshBoot } from './profiles.ts';
import { exactly, oneZone } from './testing.ts';

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

it('of exactly known memory, has the chunks of the buddy lists, and those of the per-CPU lists if asked for them', () => {
  const memory = exactly(
    8,
    [
      [0, 'Movable', packChunks([700, 20])],
      [3, 'Unmovable', packChunks([520])],
      [10, 'Movable', packChunks([2048])],
    ],
    [
      [[0, packChunks([5, 6])]],
      // Order 3 of Movable, and order 9.
      [
        [10, packChunks([1024])],
        [12, packChunks([1536])],
      ],
    ],
  );
  const geometry = x86Geometry(4096);
  const inLists = [
    [700, 0],
    [20, 0],
    [520, 3],
    [2048, 10],
  ];
  const inCpuLists = [
    [5, 0],
    [6, 0],
    [1024, 3],
    [1536, 9],
  ];
  expect([...chunksAtStart(memory, geometry, 1)]).toEqual(inLists);
  expect([...chunksAtStart(memory, geometry, 1, 'with per-CPU lists')]).toEqual([...inLists, ...inCpuLists]);
  expect([...freePagesAtStart(memory, geometry, 1)]).toEqual([1, 9, 0, 0, 512, 512, 0, 0]);
  expect([...freePagesAtStart(memory, geometry, 1, 'with per-CPU lists')]).toEqual([
    3, 9, 8, 512, 512, 512, 0, 0,
  ]);
});

it('of memory known by counts, has the chunks of the guess', () => {
  const memory = oneZone({ Movable: { 10: 1, 9: 1, 4: 1 } });
  const geometry = x86Geometry(spanOf(memory));
  expect([...chunksAtStart(memory, geometry, 1)].map(([, order]) => order)).toEqual([10, 9, 4]);
  const free = freePagesAtStart(memory, geometry, 1, 'with per-CPU lists');
  expect([...free.subarray(2048)].sort((a, b) => b - a)).toEqual([512, 512, 512, 16, 0, 0, 0, 0]);
});
