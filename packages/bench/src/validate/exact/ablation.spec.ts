import { expect, it } from 'vitest';
import { parseFreelists } from '../../traces/memory-state/freelists.ts';
import { freelistsText, SMALL_DUMP } from '../../traces/memory-state/testing.ts';
import { AblationTable } from './ablation.ts';
import { ablationText } from './report.ts';

const lossesOf = (steps: readonly string[], replaced?: readonly [string, string]) => {
  const table = new AblationTable();
  table.add('made', parseFreelists(freelistsText(steps, replaced), 'dump'));
  const lost = table.results().filter(({ runsLost }) => runsLost > 0);
  return Object.fromEntries(lost.map(({ rule, pagesLost }) => [rule, pagesLost]));
};

it('a rule is lost by the requests that get another page without it', () => {
  // Another task takes the only page in the list of CPU 0; CPU 1 has a list of its own.
  const steps = ['xa 0 1024 0 0 dd GFP_KERNEL', 'c 1', 'a 1 0 1027', 'c 0', 'a 2 0 1029'];
  expect(lossesOf(steps)).toEqual({
    "others' requests and frees": 1,
    'pages in the per-CPU lists at the start': 2,
    'a set of lists for each CPU': 1,
  });
});

it('a page table that a split takes is a request like any other', () => {
  const converting = ['freelists', SMALL_DUMP[0].replace('convert=0', 'convert=1')] as const;
  const losses = lossesOf(['a 1 0 1024 1 0', 'xa 0 1027 0 0 init GFP_KERNEL', 'a 2 0 1025 0 0'], converting);
  expect(losses).toMatchObject({ 'a page table for each split, from the same lists': 1 });
});

it('a chunk that leaves a zone less than its min watermark is refused', () => {
  expect(lossesOf(['a 1 10 0'])).toEqual({ 'the min watermark': 1 });
});

it('is shown with the function of the kernel and the run that loses most', () => {
  const rule = {
    rule: 'a rule',
    source: 'rmqueue()',
    runsLost: 2,
    pagesLost: 1200,
    most: { run: 'k/x', lost: 900 },
  };
  expect(ablationText([rule], 3)).toMatch(/a rule +│ rmqueue\(\) +│ +2 │ +1200 │ 900 in k\/x/);
  expect(ablationText([rule], 3)).toContain('of 3 runs');
});
