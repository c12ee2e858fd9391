import { InputError } from '@decpool/model';
import { messageOf } from '../../files/error-text.ts';
import { command, file, fileArgument } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { WORKERS } from '../options.ts';
import { sweep } from './sweep.ts';

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
  async run({ definition, sweep: folder, out, ...options }, context) {
    const code = await sweep.run({ definition, out: folder, ...options }, context);
    if (code !== EXIT.done) return code;
    const [{ boundsOfInputs }, { findingsPage }, { prepareSweep }, { readSweepResults }, { writeWhole }] =
      await Promise.all([
        import('../../findings/bounds.ts'),
        import('../../findings/page.ts'),
        import('../../sweep/prepare.ts'),
        import('../../sweep/results.ts'),
        import('../../files/folder.ts'),
      ]);
    const results = readSweepResults(`${folder}/results.json`);
    const [refused] = results.runs.flatMap((run) => ('refused' in run ? [run] : []));
    if (refused !== undefined) {
      throw new InputError(
        `${folder}/results.json: findings need every run, but ${refused.policy} on ${refused.input}, ${refused.memory}, ${refused.platform} was refused: ${refused.refused}`,
      );
    }
    const bounds = boundsOfInputs(await prepareSweep(definition), results);
    const page = findingsPage(results, bounds, `decpool findings ${definition}`);
    try {
      writeWhole(out, page);
    } catch (error) {
      throw new InputError(`${out}: cannot be written: ${messageOf(error)}`);
    }
    context.output.write(`written      ${out}\n`);
    return EXIT.done;
  },
});
