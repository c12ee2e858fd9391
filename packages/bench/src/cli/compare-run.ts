import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { type ComparisonInput, compare, logFileOf } from '../compare/compare.ts';
import type { Threads } from '../compare/threads.ts';
import { isFullDisk } from '../files/error-text.ts';
import { type LogFormat, logFormatNamed } from '../log/format.ts';
import { UnwrittenError } from '../log/write.ts';
import { policiesFor } from '../policies/load.ts';
import { resultsCsv } from '../report/csv.ts';
import { mailText } from '../report/mail.ts';
import { overallVerdict } from '../report/overall-verdict.ts';
import { recordedText } from '../report/recorded-text.ts';
import { type Results, resultsOf, resultsText, stored } from '../report/results.ts';
import { closingText, comparisonText, labelled } from '../report/terminal.ts';
import { baselineCheck, checkText } from './check-baseline.ts';
import type { CompareOptions } from './compare-options.ts';
import { EXIT } from './exit-status.ts';
import { folderOf, prepareInputs } from './inputs.ts';
import { interruptible } from './interrupt.ts';
import type { Output } from './output.ts';
import { counted } from './progress.ts';
import { allRead } from './reading.ts';
import { expectReplaceable, ResultsFolder } from './results-folder.ts';

/** A comparison of more policies is for their ranking; logs of each would fill the disk. */
const LOGGED_POLICIES = 24;
const isLogged = ({ policies }: ComparisonInput): boolean => policies.length <= LOGGED_POLICIES;

/**
 * Runs the comparisons, prints verdicts and tables, and writes the results. With --json, --csv or --mail standard output has these
 * alone, and everything else goes to standard error. Returns 1 if --check found something worse.
 */
export async function compareCommand(
  options: CompareOptions,
  command: string,
  output: Output,
): Promise<number> {
  const { json = false, csv = false, mail = false, check, maxRegress } = options;
  if ([json, csv, mail].filter((wanted) => wanted).length > 1) {
    throw new InputError('--json, --csv, --mail: expected only one of them');
  }
  const format = logFormatNamed(options.logFormat);
  const inputs = await prepareInputs(options);
  const folderFor = (input: ComparisonInput) => join(options.out, folderOf(input));
  if (options.map !== undefined && !inputs.every(isLogged)) {
    throw new InputError(
      `--map: needs event logs, which a run of more than ${LOGGED_POLICIES} policies does not write`,
    );
  }
  // What is wrong with the second input is said before the first one runs for minutes.
  for (const input of inputs) {
    await policiesFor(input.policies);
    await expectReplaceable(folderFor(input));
  }
  const checkOf = check === undefined ? undefined : baselineCheck(check, inputs, inputs.map(folderFor));
  const isForOthers = json || csv || mail;
  const tell = isForOthers ? output.tell : output.write;
  const screen = { ...output, hasRanges: options.ranges === true };
  return withThreads(inputs, options.workers, async (signal, threads) => {
    const run = { out: options.out, format, command, output: { ...output, write: tell }, signal, threads };
    const all: Results[] = [];
    let regressions = 0;
    for (const input of inputs) {
      const folder = folderFor(input);
      const results = await runOne(input, folder, run);
      if (!isForOthers) output.write(`${all.length === 0 ? '' : '\n'}${comparisonText(results, screen)}`);
      if (input.recorded !== undefined) {
        tell(`\n${recordedText(results, input.recorded, input.memory, output)}`);
      }
      all.push(results);
      if (json) output.write(`${JSON.stringify(stored(results))}\n`);
      if (mail) output.write(`${all.length === 1 ? '' : '\n'}${mailText(results)}`);
      if (options.map !== undefined) tell(await mapOf(folder, results, options.map, run));
      if (checkOf !== undefined) {
        const checked = checkOf(results, maxRegress);
        regressions += checked.regressions.length;
        tell(checkText(checked, output));
      }
    }
    if (csv) output.write(resultsCsv(all));
    if (!isForOthers) output.write(`\n${closingText(all, overallVerdict(all), output)}`);
    tell(`${labelled('written', writtenText(options.out, inputs), output)}\n`);
    return regressions === 0 ? EXIT.done : EXIT.different;
  });
}

/** Requests and eighths of pages that are served in all, from which on a thread is worth the second or two in which it begins. */
const WORTH_A_THREAD = 100_000;

/** As interruptible(), with the threads that make runs beside this one, if they are worth it or were asked for. */
async function withThreads<T>(
  inputs: readonly ComparisonInput[],
  workers: number | undefined,
  run: (signal: AbortSignal, threads: Threads | undefined) => Promise<T>,
): Promise<T | number> {
  const most = Math.max(...inputs.map(({ policies, seeds }) => policies.length * seeds.length));
  const isWorthIt = inputs.reduce((sum, input) => sum + workOf(input), 0) >= WORTH_A_THREAD;
  const count = Math.min(most, workers ?? (isWorthIt ? availableParallelism() : 1)) - 1;
  return interruptible(async (signal) => {
    if (count === 0) return run(signal, undefined);
    const { Threads } = await import('../compare/threads.ts');
    const threads = new Threads(count);
    try {
      return await run(signal, threads);
    } finally {
      await threads.end();
    }
  });
}

function workOf({ workload: { requests }, policies, seeds }: ComparisonInput): number {
  let each = 0;
  for (const request of requests) each += 1 + ('pages' in request ? request.pages / 8 : 0);
  return policies.length * seeds.length * each;
}

/** `decpool-results/{a,b}: results.json, ...`, as a shell takes it. */
function writtenText(out: string, inputs: readonly ComparisonInput[]): string {
  const names = inputs.map(folderOf);
  const folders = join(out, names.length === 1 ? names[0] : `{${names.join(',')}}`);
  return inputs.every(isLogged)
    ? `${folders}: report, results, picture, logs`
    : `${folders}: report, results; no picture and no logs of more than ${LOGGED_POLICIES} policies`;
}

/** From the event logs of the first seed. After a SIGINT it says so and throws the signal's reason. */
async function mapOf(
  folder: string,
  results: Results,
  mode: NonNullable<CompareOptions['map']>,
  { output, signal }: RunSettings,
): Promise<string> {
  const { eventsInLogs, readInputHistory } = await import('../report/read-history.ts');
  const { mapText } = await import('../report/map-text.ts');
  const reading = allRead(`${results.input.name}, map`, eventsInLogs(folder, results), output);
  try {
    const history = await readInputHistory(folder, results, (done, all) => {
      signal.throwIfAborted();
      reading.onRead(done, all);
    });
    if (history === undefined) throw new Error(`a defect: ${folder} has no event logs`);
    return `${mapText(history, { ...output, mode })}\n`;
  } catch (error) {
    reading.stop();
    if (signal.aborted && error === signal.reason) {
      output.write(`interrupted  before the map of ${results.input.name}; its results are in ${folder}\n`);
    }
    throw error;
  } finally {
    reading.stop();
  }
}

interface RunSettings {
  /** Folder that the folders of results go into. */
  readonly out: string;
  readonly format: LogFormat;
  /** The command as typed. */
  readonly command: string;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly threads: Threads | undefined;
}

/** Writes the results into a folder of that path. After a SIGINT it says so and throws the signal's reason. */
async function runOne(
  input: ComparisonInput,
  path: string,
  { out, format, command, output, signal, threads }: RunSettings,
): Promise<Results> {
  if (signal.aborted) output.write(`interrupted  before ${input.name}\n`);
  signal.throwIfAborted();
  const folder = await ResultsFolder.create(path);
  const total = input.workload.requests.length * input.policies.length * input.seeds.length;
  const bar = counted(input.name, 'requests', output);
  try {
    const comparison = await compare(input, {
      ...(isLogged(input) ? { logs: { folder: folder.logs, format } } : {}),
      ...(threads && { threads }),
      onProgress: (requests) => bar.show(requests, total),
      signal,
    });
    const results = resultsOf(
      comparison,
      command,
      isLogged(input) ? (policy) => `logs/${logFileOf(policy, format)}` : undefined,
    );
    await folder.write('results.json', resultsText(results));
    await folder.write('results.csv', resultsCsv([results]));
    await folder.write('report.md', mailText(results));
    if (isLogged(input)) {
      // Loaded here: a mistake is told without waiting for the chart library.
      const { comparisonSvg } = await import('../report/chart.ts');
      await folder.write('comparison.svg', comparisonSvg(results));
    }
    await folder.publish();
    return results;
  } catch (error) {
    bar.stop();
    if (signal.aborted) {
      folder.keep();
      output.write(`interrupted  ${keptText(folder)}\n`);
      throw signal.reason;
    }
    const isFull = isFullDisk(error);
    if (isFull || error instanceof UnwrittenError) folder.keep();
    else folder.discard();
    if (isFull) throw new InputError(`${out}: no space left; ${keptText(folder)}`);
    throw error;
  } finally {
    bar.stop();
  }
}

const keptText = ({ partial }: ResultsFolder) =>
  `partial results are kept in ${partial} until the next run; 'decpool recover' completes a log in its logs/`;
