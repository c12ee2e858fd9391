import { InputError } from '@decpool/model';
import Table from 'cli-table3';
import type { Command } from 'commander';
import type { Answer } from '../../convert/query.ts';
import { printable } from '../../text/printable.ts';
import type { CommandContext, Output } from '../command-context.ts';

interface QueryCommandOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** A table on a terminal is for reading. */
const MOST_TABLE_ROWS = 1000;

export function addQuery(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('query')
    .summary('ask an event log with SQL')
    .description(
      'Runs SQL, as DuckDB has it, over the tables of a log: events (a row per event), owners (number and name) and header (one row). It can neither read nor write other files.',
    )
    .argument('<log>', 'an event log, or a .parquet file that decpool convert made of one')
    .argument('<sql>', 'statements; what the last one gives is printed')
    .option('--json', 'print an array with an object per row')
    .option('--csv', 'print CSV with a line of column names')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool query run.arrow "SELECT type, count(*) FROM events GROUP BY type ORDER BY 2 DESC"
  decpool query run.arrow "SELECT owner_name, sum(pages) FROM events WHERE type = 'allocation-requested' GROUP BY 1" --csv
  decpool query run.arrow "DESCRIBE events"

SEE ALSO
  decpool convert; docs/queries.md`,
    )
    .action(async (log: string, sql: string, options: QueryCommandOptions) => {
      exit(await queryCommand(log, sql, options, output));
    });
}

/** Prints what SQL gives. Returns the exit code. */
export async function queryCommand(
  log: string,
  sql: string,
  { json, csv }: QueryCommandOptions,
  output: Output,
): Promise<number> {
  if (json === true && csv === true) throw new InputError('--json, --csv: expected only one of them');
  const [{ query }, { watched }] = await Promise.all([
    import('../../convert/query.ts'),
    import('../convert-progress.ts'),
  ]);
  const print = json === true ? printJson : csv === true ? printCsv : printTable;
  return watched(output, (options) =>
    query(log, sql, (answer) => print(answer, (text) => output.write(text)), options),
  );
}

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
  const [{ stringify }, { cellText }] = await Promise.all([
    import('csv-stringify/sync'),
    import('../../convert/answer-text.ts'),
  ]);
  write(stringify([columns.map(({ name }) => name)]));
  for await (const some of rows()) write(stringify(some.map((row) => row.map(cellText))));
};

const printTable: Print = async ({ columns, rows }, write) => {
  const { cellText } = await import('../../convert/answer-text.ts');
  const table = new Table({
    head: columns.map(({ name }) => printable(name)),
    colAligns: columns.map(({ isNumber }) => (isNumber ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  let left = 0;
  for await (const some of rows()) {
    const shown = some.slice(0, MOST_TABLE_ROWS - table.length);
    for (const row of shown) table.push(row.map((value) => printable(cellText(value))));
    left += some.length - shown.length;
  }
  write(`${table.toString()}\n`);
  if (left > 0) write(`${left.toLocaleString('en')} more rows: --csv and --json print all of them\n`);
};
