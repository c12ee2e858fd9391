import { expect, it } from 'vitest';
import { overallVerdict } from './overall-verdict.ts';
import { type Figures, resultsWith } from './testing.ts';
import { phraseText } from './verdict.ts';

const over = (...inputs: readonly Figures[]) =>
  overallVerdict(inputs.map((figures, index) => resultsWith(figures, { name: `input ${index}` })));

const figures = (splits: number, calls: number, idle: number) => ({
  'splits-2m': splits,
  'host-calls': calls,
  'shared-idle-byte-seconds': idle,
  'shared-idle-peak': idle,
});

it('the policy with the fewest splits is best; counts are summed up, memory is the largest', () => {
  const verdict = over(
    { kernel: figures(40, 100, 1), pool: figures(0, 10, 5), other: figures(0, 20, 6) },
    { kernel: figures(2, 50, 1), pool: figures(0, 5, 9), other: figures(0, 9, 10) },
  );
  expect(verdict).toMatchObject({
    best: 'pool',
    firstIn: 2,
    gains: [
      { metric: { id: 'splits-2m' }, now: 0, before: 42 },
      { metric: { id: 'host-calls' }, now: 15, before: 150 },
    ],
    prices: [{ metric: { id: 'shared-idle-peak' }, now: 9, before: 1 }],
  });
});

it('says which figures are sums and which are the largest, as gain and as price', () => {
  const verdict = over(
    { kernel: figures(4, 10, 9), pool: figures(0, 20, 3) },
    { kernel: figures(4, 10, 8), pool: figures(0, 20, 2) },
  );
  const text = verdict?.lead.map(phraseText).join(' ');
  expect(text).toMatch(/no 2M splits instead of 8 in sum, at most .* idle at peak instead of/);
  expect(text).toMatch(/Price: 40 host calls instead of 20 in sum\./);
});

it('a policy that refused a request in one input is not best over all', () => {
  const verdict = over(
    { kernel: figures(40, 100, 1), pool: figures(0, 10, 1), other: figures(3, 20, 1) },
    { kernel: figures(40, 100, 1), pool: { ...figures(0, 1, 0), failures: 1 }, other: figures(3, 20, 1) },
  );
  expect(verdict?.best).toBe('other');
});

it('nothing is compared with a baseline that refused requests', () => {
  const verdict = over(
    { kernel: { ...figures(40, 100, 1), failures: 1 }, pool: figures(0, 10, 1) },
    { kernel: figures(40, 100, 1), pool: figures(0, 10, 1) },
  );
  expect(verdict).toMatchObject({ best: 'pool', gains: [], prices: [] });
});

it('if each policy refused something somewhere, the best refused the fewest', () => {
  const verdict = over(
    { kernel: { failures: 2 }, pool: figures(9, 1, 1) },
    { kernel: figures(0, 1, 1), pool: { failures: 1 } },
  );
  expect(verdict).toMatchObject({ best: 'pool', firstIn: 1, gains: [], prices: [] });
  expect(verdict?.lead.map(phraseText).join(' ')).toContain('refused the fewest, 1.');
});

it('splits go before ranks: a policy that keeps nothing idle and splits most is not best', () => {
  const input = { kernel: figures(1, 90, 9), scatter: figures(50, 10, 0), pool: figures(0, 80, 8) };
  expect(over(input, input)?.best).toBe('pool');
});

it('there is none for inputs that have only the baseline in common', () => {
  expect(
    over(
      { kernel: figures(4, 4, 4), a: figures(0, 0, 0) },
      { kernel: figures(4, 4, 4), b: figures(0, 0, 0) },
    ),
  ).toBeUndefined();
});

it('there is none for one input, or inputs with different baselines', () => {
  expect(over({ kernel: figures(4, 4, 4), pool: figures(0, 0, 0) })).toBeUndefined();
  expect(
    over(
      { kernel: figures(4, 4, 4), pool: figures(0, 0, 0) },
      { pool: figures(0, 0, 0), kernel: figures(4, 4, 4) },
    ),
  ).toBeUndefined();
});
