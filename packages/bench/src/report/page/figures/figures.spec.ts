import { expect, it } from 'vitest';
import { HISTORY_SERIES } from '../../../history/series.ts';
import { madeHistory } from '../../../history/testing-made.ts';
import { stillView, svgOf } from '../draw.ts';
import { HOSTILE, type Made, madeResults } from '../testing.ts';
import { figuresOf } from './all.ts';
import { ASSUMED, COMPONENTS, costOf } from './cost-weights.ts';
import { frameAt, sampled } from './over-time.ts';

const results = madeResults({
  policies: { kernel: [2, 2, 3], twin: [2, 2, 3], [HOSTILE]: [0, 4, 1] },
  ranked: [[HOSTILE], ['kernel', 'twin']],
});
const history = madeHistory({ kernel: [0, 2, 2], twin: [0, 2, 2], [HOSTILE]: [0, 0, 0] });
const figures = figuresOf({ results, history, folder: 'made' });
const figure = (id: string) => figures.find((each) => each.id === id)!;
const view = stillView(560, history.peakFrame, false);

it('every figure has its words, its formula and its commands, and is drawn alone and on the page', () => {
  expect(new Set(figures.map(({ id }) => id)).size).toBe(figures.length);
  for (const each of figures) {
    expect(each.reading(view)).toMatch(/\.$/);
    expect(each.formula.length).toBeGreaterThan(0);
    expect(each.commands[0]).toBe('decpool compare');
    for (const isAlone of [false, true]) expect(svgOf(each, { ...view, isAlone })).toMatch(/^<svg/);
  }
});

it('commands name known series, and every figure over time has such a command', () => {
  const known = HISTORY_SERIES.map(({ id }) => id);
  for (const { id, kind, commands } of figures) {
    const named = commands.flatMap((command) => / --series (\S+)$/.exec(command)?.[1].split(',') ?? []);
    expect(known).toEqual(expect.arrayContaining(named));
    if (kind === 'time' || kind === 'frame') expect(named).toContain(id);
  }
});

it('a figure without anything to show is left out', () => {
  const idle = madeResults({
    policies: { kernel: [0, 0, 0], other: [0, 0, 0] },
    ranked: [['kernel', 'other']],
  });
  const made = madeHistory({ kernel: [0, 0, 0] });
  const runs = made.runs.map((run) => ({ ...run, series: { ...run.series, sharedBlocks: [0, 0, 0] } }));
  const ids = figuresOf({ results: idle, history: { ...made, runs }, folder: 'made' }).map(({ id }) => id);
  for (const id of ['at-a-glance', 'cost', 'occupancy', 'longest-free']) expect(ids).not.toContain(id);
  for (const id of ['live', 'lifetimes', 'extfrag']) expect(ids).toContain(id);
});

it('rows of a table are as long as its head', () => {
  for (const each of figures) {
    const { head, rows } = each.table(view);
    expect(rows.every((row) => row.length === head.length)).toBe(true);
  }
});

it('policies that coincide share a line, in which a point stands only where it goes up or down', () => {
  const { series } = figure('splits-2m').option(view) as {
    series: { name: string; step: string; data: number[][] }[];
  };
  expect(series.map(({ name }) => name)).toEqual(['kernel = twin', expect.stringContaining('</script>')]);
  expect(series[0]).toMatchObject({
    step: 'end',
    data: [
      [0, 0],
      [1000, 2],
      [4000, 2],
    ],
  });
  expect(figure('splits-2m').reading(view)).toContain(`2 under kernel and twin; 0 under ${HOSTILE}`);
});

it('what never changes and is the same under every policy is not drawn', () => {
  expect(figures.map(({ id }) => id)).not.toContain('direct-map-4k');
});

it('the last frame that is not later is found, and samples have both ends', () => {
  expect([-1, 0, 1e9, 3e9, 9e9].map((time) => frameAt(history.frames.times, time))).toEqual([0, 0, 1, 1, 2]);
  expect(sampled(100, 4)).toEqual([0, 33, 66, 99]);
  expect(sampled(2, 4)).toEqual([0, 1]);
});

it('the trade-off fills the front, and puts policies with the same figures into one mark', () => {
  const { series } = figure('pareto').option(view) as {
    series: { data: { itemStyle: { color: string } }[] }[];
  };
  expect(series[0].data.map(({ itemStyle }) => itemStyle.color === 'transparent')).toEqual([false, true]);
});

it('hundreds of policies are drawn, and only the front and the baseline are labelled', () => {
  const names = Array.from({ length: 300 }, (_, index) => `policy-${index}`);
  const many = madeResults({
    policies: Object.fromEntries(names.map((name, index) => [name, [300 - index, 2 ** 20 * index, index]])),
    ranked: [...names].reverse().map((name) => [name]),
  });
  const pareto = figuresOf({ results: many, folder: 'made' }).find(({ id }) => id === 'pareto')!;
  const { series } = pareto.option(view) as { series: { data: { label: { show: boolean } }[] }[] };
  expect(series[0].data).toHaveLength(300);
  expect(series[0].data.filter(({ label }) => label.show)).toHaveLength(2);
});

it('the trade-off says which marks are filled, hollow or dotted', () => {
  const reading = (made: Made) =>
    figuresOf({ results: madeResults(made), folder: 'made' })
      .find(({ id }) => id === 'pareto')
      ?.reading(view);
  const policies = { kernel: [2, 2, 3], other: [0, 4, 3] };
  const words = (made: Made) =>
    ['Filled (1 of 2)', 'Hollow', 'Dotted', 'dotted', 'All 2 policies'].filter((word) =>
      reading(made)?.includes(word),
    );
  expect(words({ policies, ranked: [] })).toEqual(['dotted']);
  expect(words({ policies, ranked: [['kernel'], ['other']] })).toEqual(['Filled (1 of 2)', 'Hollow']);
  expect(words({ policies, ranked: [['other']] })).toEqual(['Filled (1 of 2)', 'Dotted']);
  expect(words({ policies: { kernel: [2, 2, 3], twin: [2, 2, 3] }, ranked: [['kernel', 'twin']] })).toEqual([
    'All 2 policies',
  ]);
  expect(reading({ policies: { kernel: [2, 2, 3] }, ranked: [['kernel']] })).toBeUndefined();
});

it('a cost is the sum of counts times weights; what has no weight costs nothing', () => {
  const [kernel] = results.policies;
  const cost = costOf(kernel, { 'host-calls': 1000, splits: 10 });
  expect(cost.total).toBe(3 * 1000 + 2 * 10);
  expect(cost.parts).toHaveLength(COMPONENTS.length);
  expect(costOf(kernel, ASSUMED).total).toBe(3 * ASSUMED['host-calls'] + 2 * ASSUMED['splits']);
});

it('policies have their short names in every figure', () => {
  const full = 'first-fit+block+hysteresis:2';
  const made = madeResults({
    policies: { kernel: [2, 2, 3], [full]: [0, 4, 1] },
    ranked: [[full], ['kernel']],
  });
  const input = {
    results: made,
    history: madeHistory({ kernel: [0, 2, 2], [full]: [0, 0, 0] }),
    folder: 'made',
  };
  const shown = figuresOf(input).map((each) => [
    each.id,
    JSON.stringify([each.reading(view), each.table(view), each.option(view)]),
  ]);
  expect(shown.filter(([, text]) => text.includes(full))).toEqual([]);
  expect(shown.filter(([, text]) => text.includes('first-fit')).map(([id]) => id)).toEqual(
    expect.arrayContaining(['at-a-glance', 'splits-2m', 'occupancy', 'pareto', 'cost', 'extfrag']),
  );
});
