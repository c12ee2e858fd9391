/** How full shared blocks are at a moment: a panel of bars for each policy, stacked so that shapes can be compared. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import { HISTOGRAM_BARS, type RunHistory } from '../../../history/types.ts';
import { formatValue } from '../../../text/units.ts';
import { chartText } from '../escape.ts';
import { chartBase, inkOf, nameBelow, TEXT_SIZE, TITLE_HEIGHT, timeText, tooltip, wordsAt } from './axes.ts';
import type { Figure, LoggedInput, View } from './figure.ts';
import { seriesCommands, styledRuns } from './runs.ts';

const PANEL = 58;
const NAME = 16;
const PANELS_SHOWN = 8;
const BOTTOM = 38;

interface Histogram {
  readonly id: string;
  readonly title: string;
  readonly formula: readonly string[];
  /** Below the axis. */
  readonly axis: string;
  /** The meaning of the last bar, in a sentence. */
  readonly full: string;
  pick(run: RunHistory): readonly (readonly number[])[];
}

function histogramFigure(logged: LoggedInput, spec: Histogram): Figure {
  const { frames, pagesPerBlock } = logged.history;
  const runs = styledRuns(logged).slice(0, PANELS_SHOWN);
  const step = pagesPerBlock / (HISTOGRAM_BARS - 1);
  const bars = Array.from({ length: HISTOGRAM_BARS }, (_, bar) =>
    bar === HISTOGRAM_BARS - 1 ? String(pagesPerBlock) : `${bar * step}..${(bar + 1) * step - 1}`,
  );
  const count = (number: number) => formatValue(number, 'count');
  const blocksAt = (run: RunHistory, frame: number) => spec.pick(run)[frame] ?? [];
  return {
    id: spec.id,
    title: spec.title,
    kind: 'frame',
    heightAt: () => runs.length * (PANEL + NAME) + BOTTOM,
    formula: [
      ...spec.formula,
      `A bar is ${step} pages wide; the last bar is for exactly ${pagesPerBlock} pages.`,
    ],
    commands: seriesCommands(logged, [spec.id], 'Claimed and allocated pages of each block at the peak:'),
    reading: ({ frame }) => {
      const parts = runs.map(({ run }) => {
        const at = blocksAt(run, frame);
        const all = at.reduce((sum, blocks) => sum + blocks, 0);
        return `${shortPolicyName(run.policy)} ${count(at[HISTOGRAM_BARS - 1] ?? 0)} of ${count(all)}`;
      });
      return `At ${timeText(frames.times[frame])}, shared blocks ${spec.full}: ${parts.join('; ')}.`;
    },
    table: ({ frame }) => ({
      caption: `${spec.title} at ${timeText(frames.times[frame])}, request ${count(frames.requests[frame])}`,
      head: ['pages', ...runs.map(({ run }) => shortPolicyName(run.policy))],
      rows: bars.map((pages, bar) => [
        pages,
        ...runs.map(({ run }) => count(blocksAt(run, frame)[bar] ?? 0)),
      ]),
    }),
    option: optionOf,
  };

  function optionOf(view: View) {
    const ink = inkOf(view);
    const { frame } = view;
    const offset = view.isAlone ? TITLE_HEIGHT : 0;
    const at = runs.map(({ run }) => blocksAt(run, frame));
    const most = Math.max(1, ...at.flat());
    const topOf = (index: number) => offset + index * (PANEL + NAME) + NAME;
    const isLast = (index: number) => index === runs.length - 1;
    return {
      ...chartBase(view, logged.results.input.name, `${spec.title}, ${timeText(frames.times[frame])}`),
      tooltip: tooltip(view, {
        trigger: 'item',
        formatter: ({ seriesName, name, value }: { seriesName: string; name: string; value: number }) =>
          `${seriesName}\n${name} pages: ${count(value)} blocks`,
      }),
      grid: runs.map((_, index) => ({ left: 34, right: 8, top: topOf(index), height: PANEL - 6 })),
      graphic: runs.map(({ run }, index) =>
        wordsAt({ x: 34, y: topOf(index) - NAME / 2 }, chartText(shortPolicyName(run.policy)), ink.text, {
          fontWeight: 600,
          verticalAlign: 'middle',
        }),
      ),
      xAxis: runs.map((_, index) => ({
        ...nameBelow(view, isLast(index) ? spec.axis : ''),
        type: 'category',
        gridIndex: index,
        data: bars,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: ink.line } },
        axisLabel: {
          show: isLast(index),
          color: ink.muted,
          fontSize: TEXT_SIZE,
          interval: (bar: number) => bar % 4 === 0,
          formatter: (text: string) => text.split('..')[0],
        },
      })),
      yAxis: runs.map((_, index) => ({
        type: 'value',
        gridIndex: index,
        min: 0,
        max: most,
        interval: most,
        axisLabel: {
          color: ink.muted,
          fontSize: TEXT_SIZE,
          showMinLabel: false,
          formatter: count,
        },
        splitLine: { lineStyle: { color: ink.grid } },
      })),
      series: runs.map(({ run, style }, index) => ({
        type: 'bar',
        name: chartText(shortPolicyName(run.policy)),
        xAxisIndex: index,
        yAxisIndex: index,
        barCategoryGap: '18%',
        itemStyle: { color: style.colour[view.scheme] },
        data: bars.map((_, bar) => at[index][bar] ?? 0),
      })),
    };
  }
}

/** None if no block is ever shared. */
export const histograms = (logged: LoggedInput): Figure[] =>
  logged.history.runs.some(({ series }) => series.sharedBlocks.some((blocks) => blocks > 0))
    ? HISTOGRAMS.map((histogram) => histogramFigure(logged, histogram))
    : [];

const HISTOGRAMS: readonly Histogram[] = [
  {
    id: 'occupancy',
    title: 'Occupancy of shared blocks',
    formula: [
      'number of pages of a block that are in allocations or slabs, for each block with a shared page',
    ],
    axis: 'pages in use per shared block',
    full: 'with every page in use',
    pick: (run) => run.occupancy,
  },
  {
    id: 'longest-free',
    title: 'Longest free run of shared blocks',
    formula: [
      'longest run of claimed pages of a block that are in no allocation or slab, for each block with a shared page',
    ],
    axis: 'pages of the longest free run per shared block',
    full: 'with every page free',
    pick: (run) => run.longestFree,
  },
];
