import {
  BASELINES,
  CONVERSIONS,
  PLACEMENTS,
  SHORT_NAMES,
  type Strategy,
  SUPPLIES,
  USUAL,
} from '@decpool/pool';
import Table from 'cli-table3';
import type { Output } from './output.ts';

/** Widths of the columns that wrap, in characters, with margins. */
const NAME_WIDTH = 31;
const TEXT_WIDTH = 66;

type Section = readonly [title: string, rows: readonly (readonly [name: string, text: string])[]];

/** `decpool policies`: every policy and strategy in one line, with its parameters. Returns the exit code, 0. */
export function policiesCommand(output: Output): number {
  const sections: readonly Section[] = [
    ['baselines', Object.entries(BASELINES).map(([name, { summary }]) => [name, summary])],
    [
      'short names',
      Object.entries(SHORT_NAMES).map(([name, { summary, policy }]) => [name, `${summary}: ${policy}`]),
    ],
    ['PLACEMENT', rowsOf(PLACEMENTS)],
    ['+CONVERSION', rowsOf(CONVERSIONS)],
    ['+SUPPLY', rowsOf(SUPPLIES)],
  ];
  for (const [title, rows] of sections) {
    const table = new Table({
      head: [title, ''],
      colWidths: [NAME_WIDTH, TEXT_WIDTH],
      wordWrap: true,
      style: { head: [], border: [], compact: true },
    });
    table.push(...rows.map((row) => [...row]));
    output.write(`${table.toString()}\n`);
  }
  output.write(
    [
      'A policy is PLACEMENT[+CONVERSION][+SUPPLY], for example first-fit+block+hysteresis:5.',
      `Default: +${USUAL.conversion}+${USUAL.supply}. A policy can also be a file, for example ./my-policy.ts.`,
      'all: every policy.\n',
    ].join('\n'),
  );
  return 0;
}

const rowsOf = (strategies: Readonly<Record<string, Strategy<unknown>>>): [string, string][] =>
  Object.entries(strategies).map(([name, strategy]) => [
    name,
    'parameters' in strategy ? `${strategy.summary}; :${strategy.parameters}` : strategy.summary,
  ]);
