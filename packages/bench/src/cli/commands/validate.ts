import { command, flag, type Parameter } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { counted } from '../progress.ts';

const RECORDINGS: Parameter<string[], 'text'> = {
  flags: '<recording...>',
  text: 'CSV files, gzipped or not, with a meta.json beside them that names the kernel; with --scatter: folders of runs',
  kind: 'text',
  isFile: true,
};

export const validate = command({
  name: 'validate',
  summary: 'check the models against recordings of real kernels',
  description:
    'Replays recordings through the direct-map model. Compares splits, collapses and DirectMap changes row by row. With --scatter: gives the requests of recorded runs to the page source, never their page frames, and compares the splits that they lead to.',
  arguments: { paths: RECORDINGS },
  options: { scatter: flag('--scatter', 'compare the page source, from the memory state before each run') },
  different: "A model disagrees with the kernel's values.",
  examples: [
    'decpool validate examples/traces/recordings/*/*/*.csv.gz',
    'decpool validate --scatter examples/traces/recordings/k61/E1f',
  ],
  seeAlso: 'decpool known-answers; docs/validation.md',
  async run({ paths, scatter = false }, { output }) {
    const { recordingsReport, scatterReport } = await import('../../validate/report.ts');
    const progress = counted('validate', 'recordings', output);
    try {
      const { text, passes } = (scatter ? scatterReport : recordingsReport)(paths, progress.show);
      output.write(text);
      return passes ? EXIT.done : EXIT.different;
    } finally {
      progress.stop();
    }
  },
});
