import { InputError } from '@decpool/model';
import type { Answer } from '../../convert/query.ts';
import { printable } from '../../text/printable.ts';
import { formatValue } from '../../text/units.ts';
import { argument, command, fileArgument, flag } from '../declaration.ts';
import { converting } from '../reading.ts';

/** Rows that a table shows: it is for reading. */
const TABLE_ROWS = 1000;

export const query = command({
  name: 'query',
  summary: 'query an event log with SQL',
  description:
    'Runs SQL of DuckDB over the tables of a log: events (one row per event), owners (number and name) and header (one row). It cannot read or write other files.',
  arguments: {
    log: fileArgument('<log>', 'an event log, or a .parquet file that decpool convert made of one'),
    sql: argument('<sql>', 'statements; the result of the last one is printed'),
  },
  options: {
    json: flag('--json', 'print an array with an object per row'),
    csv: flag('--csv', 'print CSV with a line of column names'),
  },
  examples: [
    'decpool query run.arrow "SELECT type, count(*) FROM events GROUP BY type ORDER BY 2 DESC"',
    `decpool query run.arrow "SELECT owner_name, sum(pages) FROM events WHERE type = 'allocation-requested' GROUP BY 1" --csv`,
    'decpool query run.arrow "DESCRIBE events"',
  ],
  seeAlso: 'decpool convert; docs/queries.md',
  async run({ log, sql, json = false, csv = false }, { output }) {
    if (json && csv) throw new InputError('--json, --csv: expected only one of them');
    const { query } = await import('../../convert/query.ts');
    const print = json ? printJson : csv ? printCsv : printTable;
    return converting(output, (options) =>
      query(log, sql, (answer) => print(answer, (text) => output.write(text)), options),
    );
  },
});

type Print = (answer: Answer, write: (text: string) => void) => Promise<void>;

const printJson: Print = async ({ columns, rows }, write) => {
  const { jsonObject } = await import('../../convert/answer-text.ts');
  let isFirst = true;
  for await (const some of rows()) {
    const lines = some.map((row) => jsonObject(columns.map(({ name }, at) => [name, row[at]])));
    write(`${isFirst ? '[\n' : ',\n'}${lines.join(',\n')}`);
    isFirst = false;
  }
  write(isFirst ? '[]\n' : '\n]\n');
};

const printCsv: Print = async ({ columns, rows }, write) => {
  const { stringify } = await import('csv-stringify/sync');
  const { cellText } = await import('../../convert/answer-text.ts');
  write(stringify([columns.map(({ name }) => name)]));
  for await (const some of rows()) write(stringify(some.map((row) => row.map(cellText))));
};

const printTable: Print = async ({ columns, rows }, write) => {
  const { numberColumn, plainTable, textColumn } = await import('../../text/table.ts');
  const { cellText } = await import('../../convert/answer-text.ts');
  const shown: string[][] = [];
  let more = 0;
  for await (const some of rows()) {
    const first = some.slice(0, TABLE_ROWS - shown.length);
    shown.push(...first.map((row) => row.map((value) => printable(cellText(value)))));
    more += some.length - first.length;
  }
  const heads = columns.map(({ name, isNumber }) => (isNumber ? numberColumn : textColumn)(printable(name)));
  write(`${plainTable(heads, shown)}\n`);
  if (more > 0) write(`${formatValue(more, 'count')} more rows: --csv and --json print all of them\n`);
};
