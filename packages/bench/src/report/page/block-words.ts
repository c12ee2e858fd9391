/** The words for states of a block, in the map, its legend, tables and sentences. */
import type { BlockMapping, BlockState } from '../../history/types.ts';

interface StateWords {
  /** For table cells. */
  readonly short: string;
  /** For legends. */
  readonly name: string;
  /** With the meaning. */
  readonly text: string;
}

export const STATE_WORDS: Readonly<Record<BlockState, StateWords>> = {
  private: { short: 'private', name: 'private', text: 'private' },
  idle: { short: 'idle', name: 'shared, idle', text: 'shared, idle: no page is in an allocation or slab' },
  used: { short: 'in use', name: 'shared, in use', text: 'shared, in use' },
  mixed: { short: 'mixed', name: 'mixed', text: 'mixed: private and shared pages' },
  unknown: {
    short: 'unknown',
    name: 'unknown or leaked',
    text: 'some pages are in an unknown state, or leaked',
  },
};

/** How the direct map maps a block. */
export const MAPPING_WORDS: Readonly<Record<BlockMapping, Omit<StateWords, 'name'>>> = {
  large: { short: 'large', text: 'by a large entry' },
  split: { short: '4K, split', text: 'by 4K entries, split during the run' },
  boot: { short: '4K, boot', text: 'by 4K entries since boot' },
};
