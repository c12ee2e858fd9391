/** What the states of a block are called: the same in the legend of the map, in tables and in sentences. */
import type { BlockState } from '../../history/types.ts';

/** For a cell of a table. */
export const SHORT_STATE: Readonly<Record<BlockState, string>> = {
  private: 'private',
  idle: 'idle',
  used: 'in use',
  mixed: 'mixed',
  unknown: 'unknown',
};

/** For a legend. */
export const STATE_NAME: Readonly<Record<BlockState, string>> = {
  private: 'private',
  idle: 'shared, idle',
  used: 'shared, in use',
  mixed: 'mixed',
  unknown: 'unknown or leaked',
};

/** With what it means. */
export const STATE_TEXT: Readonly<Record<BlockState, string>> = {
  private: STATE_NAME.private,
  idle: `${STATE_NAME.idle}: no page is in an allocation or slab`,
  used: STATE_NAME.used,
  mixed: `${STATE_NAME.mixed}: private and shared pages`,
  unknown: 'some pages are in an unknown state, or leaked',
};
