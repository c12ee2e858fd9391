/** Whether a comparison became worse than a stored one, for use where nobody looks at tables. */
import { InputError } from '@decpool/model';
import type { ComparisonInput } from '../compare/compare.ts';
import { requestsHash } from '../compare/requests-hash.ts';
import { type Against, againstOf, type Delta, regressionsIn } from '../report/against.ts';
import { deltasText } from '../report/against-text.ts';
import { readResults, type StoredResults } from '../report/read-results.ts';
import type { Results } from '../report/results.ts';
import type { Screen } from '../report/screen.ts';

/** Stored results that runs of these inputs can be checked against. */
export class Baseline {
  readonly #stored: readonly StoredResults[];
  readonly #path: string;

  /** Throws InputError as readResults() does, and where it has no results of an input, or of other requests. */
  static for(path: string, inputs: readonly ComparisonInput[]): Baseline {
    const baseline = new Baseline(path, readResults(path));
    for (const { name, workload } of inputs) {
      if (baseline.#of(name).input.requestsHash === requestsHash(workload)) continue;
      throw new InputError(
        `${path}: its results of '${name}' are of other requests; a check needs a baseline of the same work`,
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
    throw new InputError(`${this.#path}: has no results of '${name}'; it has ${names}`);
  }

  /** Throws InputError where the run differs from the baseline in more than the code. */
  check(now: Results, mostPercent: number): Checked {
    const against = againstOf(now, this.#of(now.input.name));
    if (against.differences.length > 0) {
      throw new InputError(
        `${this.#path}: a check needs a baseline of the same work, but '${now.input.name}' differs in ${against.differences.join('; ')}`,
      );
    }
    return { path: this.#path, mostPercent, against, regressions: regressionsIn(against, mostPercent) };
  }
}

export interface Checked {
  readonly path: string;
  readonly mostPercent: number;
  readonly against: Against;
  readonly regressions: readonly Delta[];
}

/** What the check found, as lines for people. */
export function checkText({ path, mostPercent, against, regressions }: Checked, screen: Screen): string {
  const judged = against.deltas.filter(({ metric }) => metric.shown === undefined);
  const count = (holds: (delta: Delta) => boolean) => judged.filter(holds).length;
  const worse = count(({ isBetter }) => isBetter === false) - regressions.length;
  const parts = [
    `${regressions.length === 0 ? 'none' : regressions.length} of ${judged.length} figures worse by more than ${mostPercent} %`,
    ...(worse === 0 ? [] : [`${worse} worse by less, or with ranges over the seeds that overlap`]),
    `${count(({ isBetter }) => isBetter === true)} better`,
    ...(against.onlyNow.length === 0 ? [] : [`not in it: ${against.onlyNow.join(', ')}`]),
    ...(against.onlyBefore.length === 0 ? [] : [`only in it: ${against.onlyBefore.join(', ')}`]),
  ];
  const line = `check        against ${path}: ${parts.join('; ')}\n`;
  return regressions.length === 0 ? line : `${line}${deltasText(regressions, screen)}`;
}
