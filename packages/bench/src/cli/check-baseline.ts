/** `--check`: whether a comparison became worse than a stored one. For scripts and CI. */
import { resolve } from 'node:path';
import { InputError } from '@decpool/model';
import type { ComparisonInput } from '../compare/compare.ts';
import { type Against, againstOf, type Delta, differencesOf, regressionsIn } from '../report/against.ts';
import { deltasText } from '../report/against-text.ts';
import { RESULTS_FILE, readResults } from '../report/read-results.ts';
import { type Results, settingOf } from '../report/results.ts';
import { labelled } from '../report/terminal.ts';
import type { Screen } from '../text/screen.ts';
import { requestsHash } from '../workloads/requests-hash.ts';

export interface Checked {
  readonly path: string;
  readonly mostPercent: number;
  readonly against: Against;
  readonly regressions: readonly Delta[];
}

/**
 * Reads stored results to check new runs of the same inputs against. `folders`: where the results of the inputs will be written.
 * Returns the check of one new result. Throws InputError as readResults() does, and if the path has no results of an input, has results
 * of other work, or would be overwritten.
 */
export function baselineCheck(
  path: string,
  inputs: readonly ComparisonInput[],
  folders: readonly string[],
): (now: Results, mostPercent: number) => Checked {
  const stored = readResults(path);
  for (const { file } of stored) {
    if (!folders.some((folder) => resolve(file) === resolve(folder, RESULTS_FILE))) continue;
    throw new InputError(
      `${file}: this run would overwrite its baseline; keep the baseline elsewhere, or choose another folder with --out`,
    );
  }
  const storedOf = (name: string): Results => {
    const found = stored.find(({ results }) => results.input.name === name);
    if (found !== undefined) return found.results;
    const names = stored.map(({ results }) => results.input.name).join(', ');
    throw new InputError(`${path}: no results of '${name}'; it has results of ${names}`);
  };
  for (const input of inputs) {
    const before = storedOf(input.name);
    const hasSameRequests = before.input.requestsHash === requestsHash(input.workload);
    const settings = differencesOf(settingOf(input), before);
    const differences = hasSameRequests ? settings : ['its requests', ...settings];
    if (differences.length === 0) continue;
    throw new InputError(
      `${path}: --check needs a baseline of the same work, but '${input.name}' differs in ${differences.join('; ')}`,
    );
  }
  return (now, mostPercent) => {
    const against = againstOf(now, storedOf(now.input.name));
    return { path, mostPercent, against, regressions: regressionsIn(against, mostPercent) };
  };
}

/** The result of the check, as text. */
export function checkText({ path, mostPercent, against, regressions }: Checked, screen: Screen): string {
  const judged = against.deltas.filter(({ metric }) => metric.shown === undefined);
  const count = (holds: (delta: Delta) => boolean) => judged.filter(holds).length;
  const worse = count(({ isBetter }) => isBetter === false) - regressions.length;
  const parts = [
    `${regressions.length} of ${judged.length} figures are worse by more than ${mostPercent} %`,
    ...(worse === 0 ? [] : [`${worse} are worse by less, or their ranges over the seeds overlap`]),
    `${count(({ isBetter, isNoise }) => isBetter === true && isNoise !== true)} are better`,
    ...(against.onlyNow.length === 0 ? [] : [`Only in this run: ${against.onlyNow.join(', ')}`]),
    ...(against.onlyBefore.length === 0 ? [] : [`Only in the baseline: ${against.onlyBefore.join(', ')}`]),
  ];
  const line = `${labelled('check', `against ${path}: ${parts.join('. ')}.`, screen)}\n`;
  return regressions.length === 0 ? line : `${line}${deltasText(regressions, screen)}`;
}
