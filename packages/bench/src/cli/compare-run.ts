import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { type ComparisonInput, compare, logFileOf } from '../compare/compare.ts';
import { type LogFormat, logFormatNamed } from '../log/format.ts';
import { UnwrittenError } from '../log/write.ts';
import { policiesFor } from '../policies/load.ts';
import { resultsCsv } from '../report/csv.ts';
import { comparisonMarkdown } from '../report/markdown.ts';
import { type Results, resultsOf, resultsText } from '../report/results.ts';
import { comparisonText, labelled } from '../report/terminal.ts';
import { Baseline, checkText } from './check-baseline.ts';
import type { Output } from './command-context.ts';
import { EXIT } from './exit-status.ts';
import { folderOf, type InputOptions, prepareInputs } from './inputs.ts';
import { interruptible } from './interrupt.ts';
import { counted } from './progress.ts';
import { allRead } from './reading.ts';
import { expectReplaceable, ResultsFolder } from './results-folder.ts';

export interface CompareOptions extends InputOptions {
  readonly out: string;
  readonly logFormat: string;
  /** Results on standard output as JSON, a document a line and input, or as tidy CSV. */
  readonly json?: boolean;
  readonly csv?: boolean;
  /** Stored results that these may not be worse than, by more than `maxRegress` percent. */
  readonly check?: string;
  readonly maxRegress: number;
  /** Whether to draw where shared memory lies: under each policy when most of it lives, or over time. */
  readonly map?: 'policies' | 'time';
}

/** A comparison of more policies is for their ranking; logs of each would fill the disk. */
const MOST_LOGS = 24;
const isLogged = ({ policies }: ComparisonInput): boolean => policies.length <= MOST_LOGS;

/**
 * Runs the comparisons, prints a table each and writes their results. With --json or --csv standard output has these alone, and
 * what is for people goes to standard error. Returns 1 where --check found something worse.
 */
export async function compareCommand(
  options: CompareOptions,
  command: string,
  output: Output,
): Promise<number> {
  const { json = false, csv = false, check, maxRegress } = options;
  if (json && csv) throw new InputError('--json and --csv both want standard output; give one of them');
  const format = logFormatNamed(options.logFormat);
  const inputs = await prepareInputs(options);
  const folderFor = (input: ComparisonInput) => join(options.out, folderOf(input));
  if (options.map !== undefined && !inputs.every(isLogged)) {
    throw new InputError(`--map is drawn from event logs, and more than ${MOST_LOGS} policies write none`);
  }
  // What is wrong with the second input is told before the first one runs for minutes.
  for (const input of inputs) {
    await policiesFor(input.policies);
    await expectReplaceable(folderFor(input));
  }
  const baseline = check === undefined ? undefined : Baseline.for(check, inputs, inputs.map(folderFor));
  const isForMachines = json || csv;
  const tell = isForMachines ? output.tell : output.write;
  return interruptible(async (signal) => {
    const run = { out: options.out, format, command, output: { ...output, write: tell }, signal };
    const all: Results[] = [];
    let regressions = 0;
    for (const input of inputs) {
      const folder = folderFor(input);
      const results = await runOne(input, folder, run);
      all.push(results);
      if (!isForMachines) output.write(comparisonText(results, output));
      if (json) output.write(`${JSON.stringify(results)}\n`);
      if (options.map !== undefined) tell(await mapOf(folder, results, options.map, run));
      const others = isLogged(input)
        ? ', comparison.svg, logs/'
        : `; no picture and no logs of more than ${MOST_LOGS} policies`;
      tell(`${labelled('written', `${folder}: report.md, results.json, results.csv${others}`, output)}\n`);
      if (baseline !== undefined) {
        const checked = baseline.check(results, maxRegress);
        regressions += checked.regressions.length;
        tell(checkText(checked, output));
      }
      tell('\n');
    }
    if (csv) output.write(resultsCsv(all));
    return regressions === 0 ? EXIT.done : EXIT.different;
  });
}

/** From the event logs of the first seed. Where a SIGINT ended it, that is told, and it throws the signal's reason. */
async function mapOf(
  folder: string,
  results: Results,
  mode: NonNullable<CompareOptions['map']>,
  { output, signal }: RunSettings,
): Promise<string> {
  const [{ eventsInLogs, readInputHistory }, { mapText }] = await Promise.all([
    import('../history/read.ts'),
    import('../report/map-text.ts'),
  ]);
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
}

/** Writes the results into a folder of that path. Where a SIGINT ended it, that is told, and it throws the signal's reason. */
async function runOne(
  input: ComparisonInput,
  path: string,
  { out, format, command, output, signal }: RunSettings,
): Promise<Results> {
  if (signal.aborted) output.write(`interrupted  before ${input.name}\n`);
  signal.throwIfAborted();
  const folder = await ResultsFolder.create(path);
  const total = input.workload.requests.length * input.policies.length * input.seeds.length;
  const bar = counted(input.name, 'requests', output);
  try {
    const comparison = await compare(input, {
      ...(isLogged(input) ? { logs: { folder: folder.logs, format } } : {}),
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
    await folder.write('report.md', comparisonMarkdown(results));
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
    const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    if (isFull || error instanceof UnwrittenError) folder.keep();
    else folder.discard();
    if (isFull) throw new InputError(`${out}: no space left; ${keptText(folder)}`);
    throw error;
  } finally {
    bar.stop();
  }
}

const keptText = ({ partial }: ResultsFolder) =>
  `what was written until then is in ${partial}, until the next run: 'decpool recover' makes a log of one in logs/ that was cut off`;
