import { command, fileArgument } from '../declaration.ts';
import { diffOf } from '../diff-logs.ts';
import { EXIT } from '../exit-status.ts';
import { JSON_DOCUMENT, LOG } from '../options.ts';

export const diff = command({
  name: 'diff',
  summary: 'compare two logs: first different event, metrics, blocks',
  description:
    'Prints the first event that differs between two logs, their metrics side by side, and the blocks whose states at the end differ.',
  arguments: { a: fileArgument('<a>', LOG.text), b: fileArgument('<b>', 'another event log') },
  options: { json: JSON_DOCUMENT },
  different: 'The logs differ.',
  examples: ['decpool diff gfp-decrypted.arrow what-if.arrow'],
  seeAlso: 'decpool fork, decpool skip; docs/replay.md',
  async run({ a, b, json = false }, { output }) {
    const { diffText } = await import('../../rerun/diff-text.ts');
    const found = await diffOf(a, b, output);
    output.write(json ? `${JSON.stringify(found, undefined, 2)}\n` : diffText(found, [a, b]));
    return found.divergence === undefined && found.headers.length === 0 ? EXIT.done : EXIT.different;
  },
});
