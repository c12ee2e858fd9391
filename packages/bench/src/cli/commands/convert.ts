import { printable } from '../../text/printable.ts';
import { formatValue } from '../../text/units.ts';
import { command, fileArgument, text } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { interruptible } from '../interrupt.ts';
import { logFormatNames } from '../options.ts';
import type { Output } from '../output.ts';
import { converting } from '../reading.ts';

export const convert = command({
  name: 'convert',
  summary: 'write an event log or a trace in another format, or a log as a Parquet table',
  description:
    'Writes a log as NDJSON or Arrow, with the same content hashes and seal, or its events as a Parquet table for SQL and pandas. A log of an older schema version becomes one of version 3, with content hashes of its own. Writes a trace as a file of its requests, which compare --trace reads fast, with the same results.',
  arguments: {
    log: fileArgument(
      '<file>',
      'an event log: NDJSON or Arrow, gzipped or not; or a trace, as compare --trace reads it',
    ),
    out: fileArgument(
      '<out>',
      'the new file; its ending is its format: of a log .ndjson, .arrow or .parquet, of a trace .arrow or .arrow.gz',
    ),
  },
  options: {
    to: text('--to <format>', 'of a log: ndjson, arrow or parquet, whatever the ending is', {
      words: () => [...logFormatNames(), 'parquet'],
    }),
    shared: text(
      '--shared <expr>',
      "of a trace: which page allocations are shared memory, as in 'order>=4 & gfp~GFP_KERNEL'",
    ),
  },
  examples: [
    'decpool convert decpool-results/netvsc/logs/gfp-decrypted.arrow gfp-decrypted.ndjson',
    'decpool convert decpool-results/netvsc/logs/gfp-decrypted.arrow gfp-decrypted.parquet',
    'decpool convert dma_trace.txt.gz dma.arrow.gz',
  ],
  seeAlso: 'decpool query; docs/reference/log-format.md, docs/reference/requests-file.md, docs/queries.md',
  async run({ log, out, to, shared }, { output }) {
    const { isTrace } = await import('../../convert/convert-trace.ts');
    if (await isTrace(log)) return trace(log, out, { to, shared }, output);
    const { InputError } = await import('@decpool/model');
    if (shared !== undefined) throw new InputError(`${log}: --shared is for traces, and this is none`);
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

interface TraceOptions {
  readonly to?: string | undefined;
  readonly shared?: string | undefined;
}

async function trace(path: string, out: string, { to, shared }: TraceOptions, output: Output) {
  const { InputError } = await import('@decpool/model');
  if (to !== undefined) {
    throw new InputError(
      `${path}: --to is for event logs, and this is none; a trace becomes .arrow or .arrow.gz`,
    );
  }
  const { convertTrace } = await import('../../convert/convert-trace.ts');
  const { parseSharedExpression } = await import('../../traces/shared-expression.ts');
  const { sanityLines } = await import('../../traces/sanity.ts');
  const { stat } = await import('node:fs/promises');
  return interruptible(async (signal) => {
    const chosen = shared === undefined ? undefined : parseSharedExpression(shared);
    const { requests, sha256, sanity, notes } = await convertTrace(path, out, { shared: chosen, signal });
    const { size } = await stat(out);
    output.write(
      [
        `written      ${printable(out)}: ${formatValue(requests, 'count')} requests, ${formatValue(size, 'count')} bytes`,
        `requests     ${sha256}`,
        ...[...sanityLines(sanity), ...notes].map((line) => printable(line)),
        '',
      ].join('\n'),
    );
    return EXIT.done;
  });
}
