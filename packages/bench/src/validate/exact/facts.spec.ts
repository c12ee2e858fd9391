import { describe, expect, it } from 'vitest';
import { parseFreelists } from '../../traces/memory-state/freelists.ts';
import { freelistsText } from '../../traces/memory-state/testing.ts';
import { alignedChunks, freedTogether, reclaimChanges, requestOfRefill } from './facts.ts';

const steps = (...lines: string[]) => parseFreelists(freelistsText(lines), 'dump').steps;

describe('kswapd works', () => {
  it('from waking to going to sleep, where that was recorded', () => {
    const recorded = steps('xk wake', 'xf 0 1040 1 kswapd0', 'xk sleep', 'xf 0 1041 1 kswapd0');
    expect([...reclaimChanges(recorded)]).toEqual([
      [0, true],
      [2, false],
    ]);
  });

  it('else from its first page to its last, with a pause if it frees none for long', () => {
    const pause = Array.from({ length: 250 }, () => 'c 0');
    const recorded = steps(
      'c 0',
      'xf 0 1040 1 kswapd0',
      'c 0',
      'xd 0 1041 1 kswapd0',
      ...pause,
      'xf 0 1042 1 kswapd0',
    );
    expect([...reclaimChanges(recorded)]).toEqual([
      [1, true],
      [4, false],
      [254, true],
      [255, false],
    ]);
  });
});

it('vfree() gives neighbouring pages back as one', () => {
  const recorded = steps(
    ...['xf 0 1040 0 kworker/0:1', 'xf 0 1041 0 kworker/0:1', 'xf 0 1042 0 kworker/0:1'],
    ...['xf 0 1043 1 kworker/0:1', 'xf 0 1044 0 dd'],
  );
  const together = (isFree = (_: number) => false) =>
    freedTogether(recorded, 0, isFree).map(({ pfn }) => pfn);
  expect(together()).toEqual([1040, 1041, 1042]);
  expect(together((pfn) => pfn === 1041)).toEqual([1040]);
});

it('a run of pages goes back as aligned chunks', () => {
  expect([...alignedChunks(1037, 20, 3)]).toEqual([
    [1037, 0],
    [1038, 1],
    [1040, 3],
    [1048, 3],
    [1056, 0],
  ]);
});

describe('the request of a refill', () => {
  const find = (cpu: number, ...lines: string[]) => requestOfRefill(steps(...lines), 0, cpu, () => false);

  it('is the next of that task, order and migratetype on the CPU', () => {
    const other = 'xa 0 1030 1 1 dd GFP_HIGHUSER_MOVABLE';
    expect(find(0, 'xr 0 1030 1 1 dd', 'a 1 0 1024', other)).toBe(2);
    expect(find(0, 'xr 0 1024 0 0 init', other, 'a 1 0 1024')).toBe(2);
  });

  it('is not known if another request of the CPU comes before', () => {
    expect(
      find(0, 'xr 0 1030 1 1 dd', 'xa 0 1031 0 1 ls GFP_KERNEL', 'xa 0 1030 1 1 dd GFP_KERNEL'),
    ).toBeUndefined();
    expect(find(0, 'xr 0 1024 0 0 init', 'a 1 2 1040', 'a 2 0 1024')).toBeUndefined();
    expect(find(0, 'xr 0 1024 0 0 init', 'c 1', 'a 1 0 1024')).toBeUndefined();
  });
});
