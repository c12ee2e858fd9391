/** The data of an input that a page contains. */
import type { InputHistory } from '../../history/types.ts';
import type { Against } from '../against.ts';
import type { Results } from '../results.ts';

export interface PageInput {
  readonly results: Results;
  /** Missing if the results have no event logs. */
  readonly history?: InputHistory;
  /** Folder of the results as commands on the page name it: `decpool-results/netvsc`. */
  readonly folder: string;
  readonly against?: Against;
}
