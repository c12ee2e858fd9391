import { InputError } from '@decpool/model';
import type { ExactResult } from '../../validate/exact/run.ts';
import { command, flag, type Parameter } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { tellFailure } from '../failure.ts';
import { JSON_DOCUMENT } from '../options.ts';
import type { Output } from '../output.ts';
import { counted } from '../progress.ts';

const RECORDINGS: Parameter<string[], 'text'> = {
  flags: '<recording...>',
  text: 'CSV files, gzipped or not, with a meta.json beside them that names the kernel; with --scatter: folders of runs; with --exact: folders with freelists.gz, or such files',
  kind: 'text',
  isFile: true,
};

export const validate = command({
  name: 'validate',
  summary: 'check the models against recordings of real kernels',
  description:
    'Replays recordings through the direct-map model. Compares splits, collapses and DirectMap changes row by row. With --scatter: gives the requests of recorded runs to the page source, never their page frames, and compares the splits that they lead to. With --exact: starts the page allocator from every list of a kernel, and demands the page of each request.',
  arguments: { paths: RECORDINGS },
  options: {
    scatter: flag('--scatter', 'compare the page source, from the memory state before each run'),
    exact: flag('--exact', 'compare the page of each request, from the free lists of freelists v1 files'),
    json: JSON_DOCUMENT,
  },
  different: "A model disagrees with the kernel's values.",
  examples: [
    'decpool validate examples/traces/recordings/*/*/*.csv.gz',
    'decpool validate --scatter examples/traces/recordings/k61/E1f',
    'decpool validate --exact examples/traces/exact/*/*',
  ],
  seeAlso: 'decpool known-answers; docs/validation.md',
  async run({ paths, scatter = false, exact = false, json = false }, { output }) {
    if (scatter && exact)
      throw new InputError('--scatter and --exact compare different things: give one of them.');
    if (json && !exact) throw new InputError('--json is for --exact.');
    if (exact) return validateExact(paths, json, output);
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

/** A file that cannot be read is told and passed over. */
async function validateExact(paths: readonly string[], json: boolean, output: Output): Promise<number> {
  const { readRun, validateRun } = await import('../../validate/exact/run.ts');
  const { exactText } = await import('../../validate/exact/report.ts');
  const { jsonText } = await import('../../text/json.ts');
  const progress = counted('validate', 'runs', output);
  const results: ExactResult[] = [];
  const failures: unknown[] = [];
  for (const [index, path] of paths.entries()) {
    try {
      results.push(validateRun(readRun(path)));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failures.push(error);
    }
    progress.show(index + 1, paths.length);
  }
  progress.stop();
  output.write(json ? jsonText({ runs: results }) : exactText(results));
  for (const error of failures) tellFailure(error, output);
  if (failures.length > 0) return EXIT.misuse;
  return results.every(({ passes }) => passes) ? EXIT.done : EXIT.different;
}
