/** Tables of what runs in one process. `tables-run.js PART` prints them as one JSON array of texts. */
import { claimTable } from './claims.ts';
import { foldTable, GUESTS } from './fold-table.ts';
import { policyTable } from './policy-speed.ts';

export type TablePart = 'fold' | 'requests' | 'claims';

const TABLES: Readonly<Record<TablePart, readonly (() => Promise<string>)[]>> = {
  fold: GUESTS.map((guest) => () => foldTable(guest)),
  requests: [policyTable],
  claims: [async () => claimTable()],
};

const texts: string[] = [];
for (const table of TABLES[process.argv[2] as TablePart]) texts.push(await table());
process.stdout.write(`${JSON.stringify(texts)}\n`);
