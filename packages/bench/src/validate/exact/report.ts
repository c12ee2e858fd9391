/** The output of `decpool validate --exact`: a table of runs, then each difference with the lists around it, and the splits. */
import { countText } from '../../text/counts.ts';
import { type CellColumns, numberColumn, tableOf, textColumn } from '../../text/table.ts';
import type { RecordedSplits } from '../../traces/memory-state/freelists-steps.ts';
import type { AblationResult } from './ablation.ts';
import type { Count, Difference, ExactResult, NamedPlace, PlacedPage } from './run.ts';
import { directMapChange, type SplitsResult } from './splits.ts';

const ofAll = ({ same, all }: Count): string => (all === 0 ? '' : `${same} of ${all}`);
const splitsText = ({ splits2M, splits1G }: RecordedSplits): string => `${splits2M} + ${splits1G}`;
const modelSplitsText = ({ model, mappedBefore: { length }, isDirectMapKnown }: SplitsResult): string =>
  length === 0
    ? splitsText(model)
    : `${splitsText(model)} (${length} ${isDirectMapKnown ? 'too many' : 'earlier'})`;
const isExact = ({ difference, passes }: ExactResult): boolean => difference === undefined && passes;

const COLUMNS: CellColumns<ExactResult> = [
  [textColumn('run'), ({ run }) => run],
  [textColumn('kernel'), ({ name }) => name.split(' ')[0]],
  [numberColumn('own pages'), ({ own }) => ofAll(own)],
  [numberColumn("others' pages"), ({ others }) => ofAll(others)],
  [numberColumn('kernel splits'), ({ splits }) => (splits === undefined ? '' : splitsText(splits.kernel))],
  [numberColumn('model splits'), ({ splits }) => (splits === undefined ? '' : modelSplitsText(splits))],
  [textColumn('verdict'), (result) => (isExact(result) ? 'exact' : result.passes ? 'known' : 'DIFFERS')],
];

const ABLATION_COLUMNS: CellColumns<AblationResult> = [
  [textColumn('rule left out'), ({ rule }) => rule],
  [textColumn('kernel function'), ({ source }) => source],
  [numberColumn('runs lost'), ({ runsLost }) => runsLost],
  [numberColumn('pages lost'), ({ pagesLost }) => pagesLost],
  [textColumn('most'), ({ most }) => (most === undefined ? '' : `${most.lost} in ${most.run}`)],
];

export const ablationText = (results: readonly AblationResult[], runs: number): string =>
  `${tableOf(ABLATION_COLUMNS, results)}runs lost: of ${countText(runs, 'run')}, those in which fewer requests of the sequence get the kernel's page than with all rules\n`;

const LEGEND = `memory state: exact, every free list in its order (docs/memory-states.md)
own pages, others' pages: requests of the sequence, and of other tasks, that got the kernel's page in the model
splits: 2M + 1G entries of the direct map; earlier: in blocks that 4K pages mapped before the dump, so that the kernel split none
known: pages differ for a reason that is known, no more of them than before
`;

export function exactText(results: readonly ExactResult[]): string {
  const exact = results.filter(isExact).length;
  const known = results.filter((result) => result.passes && !isExact(result)).length;
  const summary = `${countText(results.length, 'run')}: ${exact} exact, ${known} known, ${results.length - exact - known} different\n`;
  return [tableOf(COLUMNS, results), LEGEND, ...results.map(details), `\n${summary}`].join('');
}

function details({ run, name, difference, splits, knownReason, passes }: ExactResult): string {
  const lines = [
    ...(difference === undefined ? [] : differenceLines(difference)),
    ...(splits === undefined ? [] : splitLines(splits)),
  ];
  if (lines.length === 0) return '';
  const reason =
    difference !== undefined && passes && knownReason !== undefined ? `, known: ${knownReason}` : '';
  return `\n${run} (${name})${reason}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function differenceLines({ line, request, isOwn, order, cpu, kernel, model }: Difference): string[] {
  return [
    `first difference: ${isOwn ? 'request' : 'request of others,'} ${request} (line ${line}), order ${order} on CPU ${cpu}`,
    `  kernel: ${pageText(kernel)}`,
    `  model:  ${pageText(model)}`,
  ];
}

function pageText({ pfn, place }: PlacedPage): string {
  if (pfn === 0) return 'no page';
  return `page ${pfn}, ${place === undefined ? 'which the model has in use' : placeText(place)}`;
}

function placeText({ zone, cpu, order, type, before, chunks }: NamedPlace): string {
  const owner = cpu === undefined ? 'free list' : `list of CPU ${cpu}`;
  return `zone ${zone}, ${owner}, order ${order}, ${type}, chunk ${before + 1} of ${chunks}`;
}

function splitLines({
  kernel,
  model,
  counted: vmstat,
  mappedBefore,
  isDirectMapKnown,
  directMapKb,
}: SplitsResult): string[] {
  const counter = vmstat === undefined ? '' : ` (/proc/vmstat: ${splitsText(vmstat)})`;
  const lines = [`splits: kernel ${splitsText(kernel)}${counter}, model ${splitsText(model)}`];
  if (mappedBefore.length > 0) {
    const blocks = countText(mappedBefore.length, 'block');
    lines.push(
      isDirectMapKnown
        ? `  only the model split ${blocks}: ${mappedBefore.join(', ')}`
        : `  4K pages mapped ${blocks} before the dump, which does not say so: ${mappedBefore.join(', ')}`,
    );
  }
  if (directMapKb !== undefined) {
    lines.push(
      `  DirectMap4k/2M/1G: ${directMapKb.join('/')} kB before; kernel ${changeText(kernel)}, model ${changeText(model)}`,
    );
  }
  return lines;
}

const changeText = (splits: RecordedSplits): string =>
  directMapChange(splits)
    .map((kb) => (kb > 0 ? `+${kb}` : `${kb}`))
    .join('/');
