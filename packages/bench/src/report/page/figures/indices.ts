/** The kernel's measures of fragmentation, for the free chunks of the pool. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import {
  externalFragmentation,
  fragmentationIndex,
  unusableFreeIndex,
} from '../../../history/kernel-indices.ts';
import type { RunHistory } from '../../../history/types.ts';
import { chartBase, nameBelow, onlyLine, TITLE_HEIGHT, timeText, tooltip, valueAxis } from './axes.ts';
import type { Figure, LoggedInput, View } from './figure.ts';
import { lineSeries, linesOf, seriesCommands, styledRuns } from './runs.ts';

interface KernelIndex {
  readonly id: string;
  readonly name: string;
  readonly formula: readonly string[];
  readonly reading: string;
  readonly of: (counts: readonly number[], order: number) => number;
  readonly min: number;
  readonly max: number;
}

const INDICES: readonly KernelIndex[] = [
  {
    id: 'unusable-free-index',
    name: 'unusable_free_index',
    formula: [
      'unusable_free_index(k) = (free - suitable(k) * 2^k) * 1000 / free; 1000 if nothing is free (mm/vmstat.c)',
      'Share of free memory, in thousandths, that a request of order k cannot use.',
    ],
    reading: 'Thousandths of free memory that a request of this order cannot use; 1,000 if nothing is free.',
    of: unusableFreeIndex,
    min: 0,
    max: 1000,
  },
  {
    id: 'fragmentation-index',
    name: 'fragmentation_index',
    formula: [
      'fragmentation_index(k) = -1000 if suitable(k) > 0; 0 if total = 0; else 1000 - (1000 + free * 1000 / 2^k) / total, in whole numbers (mm/vmstat.c)',
      'Why a request of order k would fail: too little memory (towards 0) or fragmentation (towards 1000); -1000: it would not fail.',
    ],
    reading:
      'At -1,000 a request would not fail. Towards 0 it would fail because memory is short, towards 1,000 because memory is fragmented.',
    of: fragmentationIndex,
    min: -1000,
    max: 1000,
  },
  {
    id: 'extfrag',
    name: 'extfrag_for_order',
    formula: [
      'extfrag(k) = 100 * (free - suitable(k) * 2^k) / free; 0 if nothing is free (mm/vmstat.c)',
      'Percent of free memory that a request of order k cannot use; proactive compaction is based on it.',
    ],
    reading: 'Percent of free memory that a request of this order cannot use; 0 if nothing is free.',
    of: externalFragmentation,
    min: 0,
    max: 100,
  },
];

const TERMS =
  'free: pages of the pool that are claimed and in no allocation or slab; n_o: free chunks of order o, as a buddy allocator would cut them; free = sum n_o * 2^o, total = sum n_o, suitable(k) = sum over o >= k of n_o * 2^(o-k).';

export const indexFigures = (logged: LoggedInput): Figure[] =>
  INDICES.map((index) => indexFigure(logged, index));

function indexFigure(logged: LoggedInput, index: KernelIndex): Figure {
  const { frames } = logged.history;
  const runs = styledRuns(logged);
  const orders = Math.max(0, ...logged.history.runs.map((run) => run.freeByOrder[0]?.length ?? 0));
  const range = Array.from({ length: orders }, (_, order) => order);
  const valuesOf = ({ freeByOrder }: RunHistory, frame: number) =>
    range.map((order) => index.of(freeByOrder[frame] ?? [], order));
  return {
    id: index.id,
    title: index.name,
    kind: 'frame',
    heightAt: () => 190,
    formula: [...index.formula, TERMS],
    commands: seriesCommands(logged, [index.id], 'Claimed and allocated pages of each block at the peak:'),
    reading: ({ frame }) => `${index.reading} At ${timeText(frames.times[frame])}.`,
    table: ({ frame }) => ({
      caption: `${index.name} by order at ${timeText(frames.times[frame])}`,
      head: ['policy', ...range.map((order) => `order ${order}`)],
      rows: runs.map(({ run }) => [shortPolicyName(run.policy), ...valuesOf(run, frame).map(String)]),
    }),
    option: optionOf,
  };

  function optionOf(view: View) {
    const lines = linesOf(runs, (run) => valuesOf(run, view.frame));
    return {
      ...chartBase(view, logged.results.input.name, `${index.name}, ${timeText(frames.times[view.frame])}`),
      grid: {
        left: 8,
        right: 14,
        top: view.isAlone ? TITLE_HEIGHT + 8 : 10,
        bottom: 36,
        outerBoundsMode: 'same',
        outerBoundsContain: 'axisLabel',
      },
      tooltip: tooltip(view, {
        trigger: 'item',
        formatter: ({ seriesName, value }: { seriesName: string; value: readonly number[] }) =>
          `${seriesName}\norder ${value[0]}: ${value[1]}`,
      }),
      xAxis: {
        ...valueAxis(view),
        ...onlyLine(view),
        ...nameBelow(view, 'order'),
        min: 0,
        max: Math.max(1, orders - 1),
        interval: 1,
      },
      yAxis: { ...valueAxis(view), min: index.min, max: index.max, interval: (index.max - index.min) / 4 },
      series: lines.map((line) => ({
        ...lineSeries(line, view, { width: 1.4 }),
        data: line.values.map((value, order) => [order, value]),
        symbol: line.style.symbol,
        symbolSize: 6,
      })),
    };
  }
}
