import { expect, it } from 'vitest';
import { CLAIM_TYPES, isMergeable, ORDINARY_TYPES, TYPE } from './migratetypes.ts';

it('free pageblocks merge if requests ask for their types: migratetype_is_mergeable()', () => {
  expect(CLAIM_TYPES.slice(0, ORDINARY_TYPES)).toEqual(['Unmovable', 'Movable', 'Reclaimable']);
  expect(CLAIM_TYPES.filter((type) => isMergeable(TYPE[type]))).toEqual([
    'Unmovable',
    'Movable',
    'Reclaimable',
  ]);
});
