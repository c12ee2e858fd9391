import { InputError } from '@decpool/model';
import type { Freelists } from '../../traces/memory-state/freelists.ts';
import type { ExactResult } from '../../validate/exact/run.ts';
import { command, flag, type Parameter } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { tellFailure } from '../failure.ts';
import { JSON_DOCUMENT } from '../options.ts';
import type { Output } from '../output.ts';
import { type Count, counted } from '../progress.ts';

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
    ablate: flag('--ablate', 'with --exact: leave out one rule of the page allocator at a time'),
    json: JSON_DOCUMENT,
  },
  different: "A model disagrees with the kernel's values.",
  examples: [
    'decpool validate examples/traces/recordings/*/*/*.csv.gz',
    'decpool validate --scatter examples/traces/recordings/k61/E1f',
    'decpool validate --exact examples/traces/exact/*/*',
    'decpool validate --exact --ablate examples/traces/exact/*/*',
  ],
  seeAlso: 'decpool known-answers; docs/validation.md',
  async run({ paths, scatter = false, exact = false, ablate = false, json = false }, { output }) {
    if (scatter && exact) {
      throw new InputError('--scatter and --exact compare different things: give one of them.');
    }
    if (!exact && (json || ablate)) throw new InputError(`--${json ? 'json' : 'ablate'} is for --exact.`);
    const progress = counted('validate', exact ? 'runs' : 'recordings', output);
    try {
      if (exact) return await (ablate ? leaveOut : validateExact)(paths, { json, output, progress });
      const { recordingsReport, scatterReport } = await import('../../validate/report.ts');
      const { text, passes } = (scatter ? scatterReport : recordingsReport)(paths, progress.show);
      output.write(text);
      return passes ? EXIT.done : EXIT.different;
    } finally {
      progress.stop();
    }
  },
});

interface Exact {
  readonly json: boolean;
  readonly output: Output;
  readonly progress: Count;
}

async function validateExact(paths: readonly string[], { json, output, progress }: Exact): Promise<number> {
  const { validateRun } = await import('../../validate/exact/run.ts');
  const { exactText } = await import('../../validate/exact/report.ts');
  const { jsonText } = await import('../../text/json.ts');
  const results: ExactResult[] = [];
  const failures = await forEachRun(paths, progress, (recording) => results.push(validateRun(recording)));
  output.write(json ? jsonText({ runs: results }) : exactText(results));
  const isSame = results.every(({ passes }) => passes);
  return tellAll(failures, output) ?? (isSame ? EXIT.done : EXIT.different);
}

async function leaveOut(paths: readonly string[], { json, output, progress }: Exact): Promise<number> {
  const { AblationTable } = await import('../../validate/exact/ablation.ts');
  const { ablationText } = await import('../../validate/exact/report.ts');
  const { runLabel } = await import('../../validate/exact/run.ts');
  const { jsonText } = await import('../../text/json.ts');
  const table = new AblationTable();
  const failures = await forEachRun(paths, progress, (recording) =>
    table.add(runLabel(recording.file), recording),
  );
  const rules = table.results();
  output.write(json ? jsonText({ rules }) : ablationText(rules, paths.length - failures.length));
  return tellAll(failures, output) ?? EXIT.done;
}

/** A file that cannot be read is passed over. Returns what is wrong with such files. */
async function forEachRun(
  paths: readonly string[],
  progress: Count,
  visit: (recording: Freelists) => void,
): Promise<InputError[]> {
  const { readRun } = await import('../../validate/exact/run.ts');
  const failures: InputError[] = [];
  for (const [index, path] of paths.entries()) {
    try {
      visit(readRun(path));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failures.push(error);
    }
    progress.show(index + 1, paths.length);
  }
  progress.stop();
  return failures;
}

/** Returns the exit code, if there is something to tell. */
function tellAll(failures: readonly InputError[], output: Output): number | undefined {
  for (const failure of failures) tellFailure(failure, output);
  return failures.length > 0 ? EXIT.misuse : undefined;
}
