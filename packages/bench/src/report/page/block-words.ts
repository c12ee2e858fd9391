/** Names of the states of a block: the same in the map's legend, in tables and in sentences. */
import type { BlockState } from '../../history/types.ts';

/** For table cells. */
export const SHORT_STATE: Readonly<Record<BlockState, string>> = {
  private: 'private',
  idle: 'idle',
  used: 'in use',
  mixed: 'mixed',
  unknown: 'unknown',
};

/** For legends. */
export const STATE_NAME: Readonly<Record<BlockState, string>> = {
  private: 'private',
  idle: 'shared, idle',
  used: 'shared, in use',
  mixed: 'mixed',
  unknown: 'unknown or leaked',
};

/** With the meaning. */
export const STATE_TEXT: Readonly<Record<BlockState, string>> = {
  private: STATE_NAME.private,
  idle: `${STATE_NAME.idle}: no page is in an allocation or slab`,
  used: STATE_NAME.used,
  mixed: `${STATE_NAME.mixed}: private and shared pages`,
  unknown: 'some pages are in an unknown state, or leaked',
};
