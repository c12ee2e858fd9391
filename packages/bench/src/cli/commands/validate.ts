import { InputError } from '@decpool/model';
import { openable } from '../../files/openable.ts';
import { command, flag, type Parameter } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { tellFailure } from '../failure.ts';
import { JSON_DOCUMENT } from '../options.ts';
import type { Output } from '../output.ts';
import { counted } from '../progress.ts';

const RECORDINGS: Parameter<string[], 'text'> = {
  flags: '<recording...>',
  text: 'CSV files, gzipped or not, with a meta.json beside them that names the kernel; with --scatter: folders of runs; with --exact: folders with freelists.gz, or such files; with --supply: folders with blocksupply.csv',
  kind: 'text',
  isFile: true,
};

export const validate = command({
  name: 'validate',
  summary: 'check the models against recordings of real kernels',
  description:
    'Replays recordings through the direct-map model. Compares splits, collapses and DirectMap changes row by row. With --scatter: gives the requests of recorded runs to the page source, never their page frames, and compares the splits that they lead to. With --exact: starts the page allocator from every list of a kernel, and demands the page of each request. With --supply: asks the page source for whole blocks, from the memory state before each row, and compares how many it gives.',
  arguments: { paths: RECORDINGS },
  options: {
    scatter: flag('--scatter', 'compare the page source, from the memory state before each run'),
    exact: flag('--exact', 'compare the page of each request, from the free lists of freelists v1 files'),
    supply: flag('--supply', 'compare how many whole blocks there are, and what they cost'),
    ablate: flag('--ablate', 'with --exact: leave out one rule of the page allocator at a time'),
    json: JSON_DOCUMENT,
  },
  different: "A model disagrees with the kernel's values.",
  examples: [
    'decpool validate examples/traces/recordings/*/*/*.csv.gz',
    'decpool validate --scatter examples/traces/recordings/k61/E1f',
    'decpool validate --exact examples/traces/exact/*/*',
    'decpool validate --exact --ablate examples/traces/exact/*/*',
    'decpool validate --supply examples/traces/supply/k*',
  ],
  seeAlso: 'decpool known-answers; docs/validation.md',
  async run(
    { paths, scatter = false, exact = false, supply = false, ablate = false, json = false },
    { output },
  ) {
    if ([scatter, exact, supply].filter(Boolean).length > 1) {
      throw new InputError('--scatter, --exact and --supply compare different things: give one of them.');
    }
    if (!exact && (json || ablate)) throw new InputError(`--${json ? 'json' : 'ablate'} is for --exact.`);
    if (exact) return (ablate ? leaveOut : validateExact)(paths, json, output);
    if (supply) {
      const { validateSupply } = await import('../../validate/supply/supply.ts');
      const { supplyReport } = await import('../../validate/supply/report.ts');
      return validateEach(paths, output, validateSupply, supplyReport);
    }
    const { recordingsReport, scatterReport } = await import('../../validate/report.ts');
    if (scatter) {
      const { SCATTER_SEEDS, validateScatter } = await import('../../validate/scatter/scatter.ts');
      return validateEach(paths, output, (path) => validateScatter(path, SCATTER_SEEDS), scatterReport);
    }
    const { validateRecording } = await import('../../validate/replay.ts');
    return validateEach(paths, output, (path) => [validateRecording(path)], recordingsReport);
  },
});

async function validateExact(paths: readonly string[], json: boolean, output: Output): Promise<number> {
  const { readRun, validateRun } = await import('../../validate/exact/run.ts');
  const { exactText } = await import('../../validate/exact/report.ts');
  const { jsonText } = await import('../../text/json.ts');
  return validateEach(
    paths,
    output,
    (path) => [validateRun(readRun(path))],
    (results) => ({
      text: json ? jsonText({ runs: results }) : exactText(results),
      passes: results.every(({ passes }) => passes),
    }),
  );
}

async function leaveOut(paths: readonly string[], json: boolean, output: Output): Promise<number> {
  const { AblationTable } = await import('../../validate/exact/ablation.ts');
  const { ablationText } = await import('../../validate/exact/report.ts');
  const { readRun, runLabel } = await import('../../validate/exact/run.ts');
  const { jsonText } = await import('../../text/json.ts');
  const table = new AblationTable();
  return validateEach(
    paths,
    output,
    (path) => {
      const recording = readRun(path);
      const label = runLabel(recording.file);
      table.add(label, recording);
      return [{ label }];
    },
    ({ length }) => {
      const rules = table.results();
      return { text: json ? jsonText({ rules }) : ablationText(rules, length), passes: true };
    },
  );
}

/** Reports all that can be read. What cannot is told after it; the exit status is then that of invalid input. */
async function validateEach<Result extends object>(
  paths: readonly string[],
  output: Output,
  resultsOf: (path: string) => readonly (Result | InputError)[],
  report: (results: readonly Result[]) => { readonly text: string; readonly passes: boolean },
): Promise<number> {
  const { attempt } = await import('../../validate/attempt.ts');
  const progress = counted('validate', 'inputs', output);
  const results: Result[] = [];
  const failures: InputError[] = [];
  try {
    for (const [index, path] of paths.entries()) {
      const found = attempt(() => resultsOf(path));
      for (const each of found instanceof InputError ? [found] : found) {
        if (each instanceof InputError) failures.push(each);
        else results.push(each);
      }
      progress.show(index + 1, paths.length);
    }
  } finally {
    progress.stop();
  }
  const { text, passes } = report(results);
  if (results.length > 0) output.write(openable(text));
  const last = failures.pop();
  for (const failure of failures) tellFailure(failure, output);
  if (last !== undefined) throw last;
  return passes ? EXIT.done : EXIT.different;
}
