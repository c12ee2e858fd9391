import { command, file, fileArgument } from '../declaration.ts';
import { WORKERS } from '../options.ts';

export const findings = command({
  name: 'findings',
  summary: 'run a sweep and write what it says as docs/findings.md',
  description:
    'Runs the cells of a sweep that are not done yet, as the command sweep does. Writes a page of Markdown: which policy does best in what, by how much against the kernels, how far from the bounds, and how sure that is.',
  arguments: {
    definition: fileArgument(
      '<definition>',
      'JSON file of a sweep with linux-6.12, linux-7.3 and gfp-decrypted among its policies',
    ),
  },
  options: {
    sweep: file('--sweep <dir>', 'folder for the cells and the results of the sweep', {
      default: 'decpool-findings',
    }),
    out: file('--out <file>', 'the page', { default: 'docs/findings.md' }),
    workers: WORKERS,
  },
  examples: ['decpool findings examples/sweeps/findings.json'],
  seeAlso: 'decpool sweep; docs/findings.md, docs/sweeps.md',
  async run({ definition, ...options }, { output }) {
    const { findingsCommand } = await import('../findings-run.ts');
    return findingsCommand(definition, options, output);
  },
});
