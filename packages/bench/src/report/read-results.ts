/** Results of comparisons, read from files. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import * as z from 'zod';
import { readText } from '../files/read-text.ts';
import { statsAt } from '../files/stats.ts';
import { isBoundRatio } from '../metrics/bound-ratios.ts';
import { KEY_METRICS } from '../metrics/key-metrics.ts';
import { readableIssue } from '../text/readable-issue.ts';
import { fromStored, RESULTS_VERSION, type Results, resultsSchema } from './results.ts';

/** File of a results folder that holds the results. */
export const RESULTS_FILE = 'results.json';

/** Results and the file that they were read from. */
export interface StoredResults {
  readonly results: Results;
  readonly file: string;
}

/**
 * All results at a path: a file, which `compare` wrote or its --json printed, a folder with a results.json, or a folder of such
 * folders, by name. Throws InputError that names the file and what in it is wrong; and when there are none, or two of one input.
 */
export function readResults(path: string): StoredResults[] {
  const found = filesAt(path).flatMap(resultsInFile);
  const names = found.map(({ results }) => results.input.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new InputError(`${path}: two results of the input '${twice}'; expected one of each input`);
  return found;
}

function filesAt(path: string): string[] {
  const stats = statsAt(path);
  if (stats === undefined) throw new InputError(`${path}: there is no such file or folder`);
  if (!stats.isDirectory()) return [path];
  const own = join(path, RESULTS_FILE);
  if (existsSync(own)) return [own];
  const files = readdirSync(path)
    // What a run that was cut off left there is no result.
    .filter((name) => !name.endsWith('.partial'))
    .sort()
    .map((name) => join(path, name, RESULTS_FILE))
    .filter((file) => existsSync(file));
  if (files.length > 0) return files;
  throw new InputError(
    `${path}: no ${RESULTS_FILE} in the folder or in a folder in it; expected the results of 'decpool compare'`,
  );
}

function resultsInFile(file: string): StoredResults[] {
  const text = readText(file);
  const whole = parsed(text);
  if (whole !== undefined) return [{ results: checked(whole.value, file), file }];
  const lines = text
    .split('\n')
    .map((line, index) => ({ line, place: `${file}:${index + 1}` }))
    .filter(({ line }) => line.trim() !== '');
  if (lines.length < 2) throw new InputError(`${file}: not JSON; expected the results of 'decpool compare'`);
  return lines.map(({ line, place }) => {
    const document = parsed(line);
    if (document === undefined) throw new InputError(`${place}: not JSON; expected the results of an input`);
    return { results: checked(document.value, place), file };
  });
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const OLDEST_VERSION = 3;

/** By version: what makes results of that version those of today. */
const UPCASTERS: Readonly<Record<number, (results: Readonly<Record<string, unknown>>) => object>> = {
  // Version 3 named the rows beside the usual ones, and had one list of notes.
  3: ({ requestedMetrics, ...results }) => ({
    ...results,
    version: RESULTS_VERSION,
    cautions: [],
    rows: [...KEY_METRICS, ...(Array.isArray(requestedMetrics) ? requestedMetrics : [])],
  }),
  // Version 4 had every ratio to the bounds, also of policies that refused requests.
  4: (results) => ({ ...results, version: RESULTS_VERSION }),
};

const markSchema = z.looseObject({ decpool: z.literal('comparison'), version: z.int() });

function checked(value: unknown, place: string): Results {
  const mark = markSchema.safeParse(value);
  if (!mark.success) throw new InputError(`${place}: expected the results of 'decpool compare'`);
  const upcast = UPCASTERS[mark.data.version];
  if (mark.data.version !== RESULTS_VERSION && upcast === undefined) {
    throw new InputError(
      `${place}: results of version ${mark.data.version}; this program reads versions ${OLDEST_VERSION} to ${RESULTS_VERSION}. Run the comparison again: '${mark.data['command']}'`,
    );
  }
  const results = resultsSchema.safeParse(upcast === undefined ? value : upcast(mark.data));
  if (!results.success) {
    throw new InputError(`${place}: ${readableIssue(results.error)}`);
  }
  const read = fromStored(results.data);
  expectWhole(read, place);
  return read;
}

/** What the schema cannot say: every policy has every metric under every seed. */
function expectWhole({ metrics, policies, seeds, ranking }: Results, place: string): void {
  for (const { policy, metrics: spreads, log } of policies) {
    if (log !== undefined && !/^logs\/[^/]+$/.test(log)) {
      throw new InputError(`${place}: policy '${policy}' has the log '${log}'; expected a file in logs/`);
    }
    for (const { id } of metrics) {
      const { values } = spreads[id] ?? {};
      if (values === undefined && isBoundRatio(id) && (spreads['failures']?.max ?? 0) > 0) continue;
      if (values?.length !== seeds.length) {
        throw new InputError(
          `${place}: policy '${policy}' has ${values?.length ?? 'no'} values of '${id}'; expected one for each of ${seeds.length} seeds`,
        );
      }
    }
  }
  for (const objective of ranking.objectives) {
    if (metrics.some(({ id }) => id === objective)) continue;
    throw new InputError(`${place}: ranked by '${objective}'; expected one of its metrics`);
  }
}
