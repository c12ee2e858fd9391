/** What a page embeds of each input. */
import type { InputHistory } from '../../history/types.ts';
import type { Results } from '../results.ts';

export interface PageInput {
  readonly results: Results;
  /** Missing where the results have no event logs. */
  readonly history?: InputHistory;
  /** Folder of the results as commands on the page name it: `decpool-results/netvsc`. */
  readonly folder: string;
}
