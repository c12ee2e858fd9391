import { command, file, fileArgument } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { WORKERS } from '../options.ts';
import { sweep } from './sweep.ts';

export const ablation = command({
  name: 'ablation',
  summary: 'print what each rule of decpool is worth, over a sweep',
  description:
    'Runs the cells of a sweep that are not done yet, as the command sweep does. Prints a table: decpool, and the same pool with one rule replaced.',
  arguments: {
    definition: fileArgument(
      '<definition>',
      'JSON file of a sweep of decpool and the pools without one of its rules',
    ),
  },
  options: {
    sweep: file('--sweep <dir>', 'folder for the cells and the results of the sweep', {
      default: 'decpool-ablation',
    }),
    workers: WORKERS,
  },
  examples: ['decpool ablation examples/sweeps/ablation.json'],
  seeAlso: 'decpool sweep; docs/policies.md, docs/sweeps.md',
  async run({ definition, sweep: folder, ...options }, context) {
    const code = await sweep.run({ definition, out: folder, ...options }, context);
    if (code !== EXIT.done) return code;
    const { ablationText } = await import('../../findings/ablation.ts');
    const { readSweepResults } = await import('../../sweep/results.ts');
    context.output.write(`\n${ablationText(readSweepResults(`${folder}/results.json`))}`);
    return EXIT.done;
  },
});
