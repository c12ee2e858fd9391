/** The recorded kernel's own counters beside the model. */
import type { MemoryState } from '@decpool/model';
import { kernelOf } from '@decpool/pool/internal';
import { shortPolicyName } from '@decpool/pool/policy-names';
import { countText } from '../text/counts.ts';
import { present } from '../text/listed.ts';
import type { Screen } from '../text/screen.ts';
import { fittedTable, numberColumn, textColumn } from '../text/table.ts';
import { wrap } from '../text/wrap.ts';
import type { RecordedKernel } from '../traces/recording/recorded-kernel.ts';
import type { PolicyResults, Results } from './results.ts';

const MIB = 2 ** 20;
const PAGE_BYTES = 4096;

/** Level of the direct map, its name in /proc/meminfo, its field of the kernel's sizes, and the model's metric. */
const LEVELS = [
  [1, 'DirectMap4k', 'by4K', 'direct-map-4k'],
  [2, 'DirectMap2M', 'by2M', 'direct-map-2m'],
  [3, 'DirectMap1G', 'by1G', 'direct-map-1g'],
] as const;

/** What the columns of a row have: the kernel in all, its conversions alone, the rule at the kernel's pages, and each policy. */
interface Cells {
  readonly all: number | string;
  readonly conversions?: number | undefined;
  readonly rule?: number | undefined;
  readonly policies: readonly string[];
}

/** A table, then what it says. Ends with a line break. */
export function recordedText(
  results: Results,
  { kernel: release, counters, conversions }: RecordedKernel,
  memory: MemoryState,
  screen: Screen,
): string {
  const { kernel, rule } = conversions;
  const shown = comparable(results, release);
  const start = (level: number) =>
    memory.directMap.reduce((sum, [, pages, mapped]) => sum + (mapped === level ? pages * PAGE_BYTES : 0), 0);
  const row = (label: string, { all, conversions, rule: byRule, policies }: Cells): string[] => [
    label,
    String(all),
    ...(kernel === undefined ? [] : [String(conversions ?? '')]),
    ...(rule === undefined ? [] : [String(byRule ?? '')]),
    ...policies,
  ];
  const splits = (label: string, field: 'splits2M' | 'splits1G', id: 'splits-2m' | 'splits-1g') =>
    row(label, {
      all: counters[field],
      conversions: kernel?.[field],
      rule: rule?.[field],
      policies: shown.map(({ metrics }) => spreadText(metrics[id])),
    });
  const rows = [
    splits('2M splits', 'splits2M', 'splits-2m'),
    splits('1G splits', 'splits1G', 'splits-1g'),
    ...LEVELS.flatMap(([level, name, field, id]) => [
      row(`${name} before, MiB`, {
        all: mib(counters.before[field]),
        policies: shown.map(() => mib(start(level))),
      }),
      row(`${name} after, MiB`, {
        all: mib(counters.after[field]),
        policies: shown.map(({ metrics }) => mib(metrics[id].median)),
      }),
    ]),
  ];
  const heads = [
    `kernel ${/^\d+\.\d+(?:\.\d+)?/.exec(release)?.[0] ?? release}`,
    ...(kernel === undefined ? [] : ['its conversions']),
    ...(rule === undefined ? [] : ['split rule, same pages']),
    ...shown.map(({ policy }) => shortPolicyName(policy)),
  ];
  const table = fittedTable(
    [textColumn('recorded beside modelled'), ...heads.map(numberColumn)],
    rows,
    screen.columns,
  );
  return `${[table, ...wrap(agreementText({ kernel: release, counters, conversions }, shown, memory), screen.columns)].join('\n')}\n`;
}

/** The policies that model kernels, that of the recorded kernel first; else the baseline. */
function comparable({ policies }: Results, release: string): readonly PolicyResults[] {
  const own = kernelOf(release) === '7.3' ? 'linux-7.3' : 'linux-6.12';
  const kernels = policies.filter(({ policy }) => policy.startsWith('linux-'));
  if (kernels.length === 0) return policies.slice(0, 1);
  return [...kernels].sort((a, b) => Number(b.policy === own) - Number(a.policy === own));
}

const spreadText = ({ median, min, max }: PolicyResults['metrics']['splits-2m']): string =>
  min === max ? String(median) : `${median} (${min}..${max})`;

const mib = (bytes: number): string => String(Math.round((bytes / MIB) * 10) / 10);

/** What a reader may conclude. The rule is right or wrong; where a policy places pages depends on lists that only an exact state has. */
function agreementText(
  { counters, conversions: { calls, failed, kernel, rule } }: RecordedKernel,
  [nearest]: readonly PolicyResults[],
  { exact }: MemoryState,
): string {
  const own = kernel?.splits2M ?? counters.splits2M;
  const { median, min, max } = nearest.metrics['splits-2m'];
  const name = shortPolicyName(nearest.policy);
  const why =
    exact === undefined
      ? 'The order of its free lists was not recorded.'
      : 'Other tasks allocated meanwhile.';
  const sentences = [
    kernel === undefined
      ? `The kernel split ${countText(own, '2M mapping')} in all, those of other code included.`
      : `${countText(calls, 'conversion')} split ${countText(own, '2M mapping')}; other code, such as loading modules, split ${counters.splits2M - own}.`,
    rule !== undefined &&
      (rule.splits2M === own
        ? 'The split rule agrees at the same pages.'
        : `The split rule gives ${rule.splits2M} at the same pages: other code split a block first, or the start is a guess without directmap and page_tables (docs/memory-states.md).`),
    rule !== undefined &&
      rule.elsewhere > 0 &&
      `The rule leaves out ${countText(rule.elsewhere, 'conversion')} of vmalloc areas.`,
    own >= min && own <= max
      ? `${name} agrees.`
      : `${name} differs by ${countText(Math.abs(median - own), 'split')}. ${why}`,
    failed > 0 && `${countText(failed, 'conversion')} failed; the requests have them as if served.`,
  ];
  return present(sentences).join(' ');
}
