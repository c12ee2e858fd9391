import { printable } from '../../text/printable.ts';
import { formatValue } from '../../text/units.ts';
import { command, fileArgument, text } from '../declaration.ts';
import { LOG, logFormatNames } from '../options.ts';
import { converting } from '../reading.ts';

export const convert = command({
  name: 'convert',
  summary: 'write an event log in another format, or as a Parquet table',
  description:
    'Writes a log as NDJSON or Arrow, with the same content hashes and seal, or its events as a Parquet table for SQL and pandas. A log of an older schema version becomes one of version 3, with content hashes of its own.',
  arguments: {
    log: LOG,
    out: fileArgument('<out>', 'the new file; its ending is its format: .ndjson, .arrow or .parquet'),
  },
  options: {
    to: text('--to <format>', 'ndjson, arrow or parquet, whatever the ending is', {
      words: () => [...logFormatNames(), 'parquet'],
    }),
  },
  examples: [
    'decpool convert decpool-results/netvsc/logs/gfp-decrypted.arrow gfp-decrypted.ndjson',
    'decpool convert decpool-results/netvsc/logs/gfp-decrypted.arrow gfp-decrypted.parquet',
  ],
  seeAlso: 'decpool query; docs/reference/log-format.md, docs/queries.md',
  async run({ log, out, to }, { output }) {
    const { convert, targetFormatNamed, targetFormatOf } = await import('../../convert/convert.ts');
    const { stat } = await import('node:fs/promises');
    const format = to === undefined ? targetFormatOf(out) : targetFormatNamed(to);
    return converting(output, async (options) => {
      const { seal } = await convert(log, out, format, options);
      const { size } = await stat(out);
      output.write(
        `written      ${printable(out)}: ${formatValue(seal.events, 'count')} events, ${formatValue(size, 'count')} bytes\nstate hash   ${seal.stateHash}\n`,
      );
    });
  },
});
