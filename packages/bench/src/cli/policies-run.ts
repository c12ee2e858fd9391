import { BASELINES, CONVERSIONS, PLACEMENTS, SHORT_NAMES, type Strategy, SUPPLIES } from '@decpool/pool';
import Table from 'cli-table3';
import type { Output } from './command-context.ts';

/** Columns of text that wrap, in characters with their margins. */
const NAME_WIDTH = 31;
const TEXT_WIDTH = 66;

type Section = readonly [title: string, rows: readonly (readonly [name: string, text: string])[]];

/** `decpool policies`: every policy and strategy with one line, and what may stand behind its name. Returns the exit code, 0. */
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
    'Any PLACEMENT+CONVERSION+SUPPLY is a policy, as in first-fit+block+hysteresis:5; so is a file, as in ./my-policy.ts; all stands for every one.\n',
  );
  return 0;
}

const rowsOf = (strategies: Readonly<Record<string, Strategy<unknown>>>): [string, string][] =>
  Object.entries(strategies).map(([name, strategy]) => [
    name,
    'parameters' in strategy ? `${strategy.summary}; :${strategy.parameters}` : strategy.summary,
  ]);
