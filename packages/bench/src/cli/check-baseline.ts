/** `--check`: whether a comparison became worse than a stored one. For scripts and CI. */
import { resolve } from 'node:path';
import { InputError } from '@decpool/model';
import type { ComparisonInput } from '../compare/compare.ts';
import { type Against, againstOf, type Delta, differencesOf, regressionsIn } from '../report/against.ts';
import { deltasText } from '../report/against-text.ts';
import { RESULTS_FILE, readResults, type StoredResults } from '../report/read-results.ts';
import { type Results, settingOf } from '../report/results.ts';
import { labelled } from '../report/terminal.ts';
import type { Screen } from '../text/screen.ts';
import { requestsHash } from '../workloads/requests-hash.ts';

/** Stored results to check new runs of the same inputs against. */
export class Baseline {
  readonly #stored: readonly StoredResults[];
  readonly #path: string;

  /**
   * `folders`: where the results of the inputs will be written. Throws InputError as readResults() does, and if the path has no
   * results of an input, has results of other work, or would be overwritten.
   */
  static for(path: string, inputs: readonly ComparisonInput[], folders: readonly string[]): Baseline {
    const baseline = new Baseline(path, readResults(path));
    for (const { file } of baseline.#stored) {
      if (!folders.some((folder) => resolve(file) === resolve(folder, RESULTS_FILE))) continue;
      throw new InputError(
        `${file}: this run would overwrite its baseline; keep the baseline elsewhere, or choose another folder with --out`,
      );
    }
    for (const input of inputs) {
      const stored = baseline.#of(input.name);
      const differences = [
        ...(stored.input.requestsHash === requestsHash(input.workload) ? [] : ['its requests']),
        ...differencesOf(settingOf(input), stored),
      ];
      if (differences.length === 0) continue;
      throw new InputError(
        `${path}: --check needs a baseline of the same work, but '${input.name}' differs in ${differences.join('; ')}`,
      );
    }
    return baseline;
  }

  private constructor(path: string, stored: readonly StoredResults[]) {
    this.#path = path;
    this.#stored = stored;
  }

  #of(name: string): Results {
    const found = this.#stored.find(({ results }) => results.input.name === name);
    if (found !== undefined) return found.results;
    const names = this.#stored.map(({ results }) => results.input.name).join(', ');
    throw new InputError(`${this.#path}: no results of '${name}'; it has results of ${names}`);
  }

  check(now: Results, mostPercent: number): Checked {
    const against = againstOf(now, this.#of(now.input.name));
    return { path: this.#path, mostPercent, against, regressions: regressionsIn(against, mostPercent) };
  }
}

export interface Checked {
  readonly path: string;
  readonly mostPercent: number;
  readonly against: Against;
  readonly regressions: readonly Delta[];
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
