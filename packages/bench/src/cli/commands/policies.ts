import type { Strategy } from '@decpool/pool/internal';
import { command } from '../declaration.ts';

/** Widths of the columns that wrap, in characters, with margins. */
const NAME_WIDTH = 31;
const TEXT_WIDTH = 66;

export const policies = command({
  name: 'policies',
  summary: 'list the policies and what they are made of',
  description:
    'Lists the baselines, the short names and the strategies that a policy is made of, with their parameters.',
  async run(_, { output }) {
    const pool = await import('@decpool/pool/internal');
    const { plainTable, textColumn } = await import('../../text/table.ts');
    const {
      BASELINES,
      CONVERSIONS,
      GRAMMAR,
      PLACEMENTS,
      RECOMMENDED,
      RESERVES,
      RETURNS,
      SHORT_NAMES,
      FIRST_TRIES,
      SHRINKERS,
      USUAL,
    } = pool;
    const sections: Record<string, readonly string[][]> = {
      recommended: rowsOf(RECOMMENDED),
      baselines: rowsOf(BASELINES),
      'short names': Object.entries(SHORT_NAMES).map(([name, { summary, policy }]) => [
        name,
        `${summary}: ${policy}`,
      ]),
      PLACEMENT: rowsOf(PLACEMENTS),
      '+CONVERSION': rowsOf(CONVERSIONS),
      '+reserve': rowsOf(RESERVES),
      '+RETURN': rowsOf(RETURNS),
      '+shrinker': rowsOf(SHRINKERS),
      '+swiotlb': rowsOf(FIRST_TRIES),
    };
    for (const [title, rows] of Object.entries(sections)) {
      output.write(`${plainTable([textColumn(title, NAME_WIDTH), textColumn('', TEXT_WIDTH)], rows)}\n`);
    }
    output.write(
      [
        `A policy is ${GRAMMAR}.`,
        'Example: first-fit+block+reserve:64:512+hysteresis:5+shrinker+swiotlb.',
        `Default: +${USUAL.conversion}+${USUAL.return}. A policy can also be a file, for example ./my-policy.ts.`,
        'all: every policy without reserve, shrinker and slots of swiotlb.\n',
      ].join('\n'),
    );
  },
});

const rowsOf = (strategies: Readonly<Record<string, Strategy<unknown>>>): string[][] =>
  Object.entries(strategies).map(([name, strategy]) => [
    name,
    'parameters' in strategy ? `${strategy.summary}; :${strategy.parameters}` : strategy.summary,
  ]);
