import { command, fileArgument, text } from '../declaration.ts';
import { JSON_DOCUMENT } from '../options.ts';

export const analyze = command({
  name: 'analyze',
  summary: 'show what a trace asks for, before any policy serves it',
  description:
    "Prints sizes, rates and lifetimes of the requests, live pages over time, and the owners. Says which callers may not sleep, and how much grouping in 2 MiB blocks can gain at most. Of a folder or a recording of 'decpool record': each trace in it.",
  arguments: {
    trace: fileArgument(
      '<trace>',
      'a trace as compare --trace reads it, a recording (folder or .tar.gz), a folder with traces, or - for standard input',
    ),
  },
  options: {
    shared: text(
      '--shared <expr>',
      "which page allocations are shared memory, as in 'order>=4 & gfp~GFP_KERNEL'",
    ),
    json: JSON_DOCUMENT,
  },
  examples: [
    'decpool analyze dma_trace.txt.gz',
    "trace-cmd report | decpool analyze - --shared 'order>=3'",
    'decpool analyze guest.tar.gz --json',
  ],
  seeAlso: 'decpool compare, decpool convert; docs/traces.md',
  async run({ trace, shared, json = false }, { output }) {
    const { parseSharedExpression } = await import('../../traces/shared-expression.ts');
    const { analyzePath } = await import('../../analyze/analyze-recording.ts');
    const { recording, traces, unread } = await analyzePath(trace, {
      shared: shared === undefined ? undefined : parseSharedExpression(shared),
    });
    if (json) {
      const { jsonText } = await import('../../text/json.ts');
      output.write(jsonText({ ...(recording === undefined ? {} : { recording }), traces, unread }));
      return;
    }
    const { recordingText, tracesText } = await import('../../analyze/text.ts');
    const settings = { columns: output.columns, isAscii: isAscii(process.env) };
    if (recording !== undefined) output.write(`${recordingText(recording, settings)}\n`);
    output.write(tracesText(traces, settings));
    for (const { reason } of unread) output.tell(`decpool: not read: ${reason}\n`);
  },
});

/** Whether the terminal's locale has no UTF-8. */
const isAscii = ({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean => {
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  return locale !== '' && !/utf-?8/i.test(locale);
};
