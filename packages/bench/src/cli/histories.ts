/** Results with what their event logs tell, read one after the other while somebody waits. */
import { dirname } from 'node:path';
import type { InputHistory } from '../history/types.ts';
import { eventsInLogs, readInputHistory } from '../report/read-history.ts';
import { readResults, type StoredResults } from '../report/read-results.ts';
import type { Output } from './output.ts';
import { allRead } from './reading.ts';

export interface WithHistory extends StoredResults {
  /** Undefined where there is no log. */
  readonly history: InputHistory | undefined;
}

/** Throws InputError as readResults() and readInputHistory() do. */
export async function readHistories(dir: string, output: Output): Promise<readonly WithHistory[]> {
  const all = readResults(dir);
  const events = all.reduce((sum, { results, file }) => sum + eventsInLogs(dirname(file), results), 0);
  const reading = allRead('report', events, output);
  const read: WithHistory[] = [];
  try {
    for (const stored of all) {
      const history = await readInputHistory(dirname(stored.file), stored.results, reading.onRead);
      read.push({ ...stored, history });
    }
  } finally {
    reading.stop();
  }
  return read;
}
