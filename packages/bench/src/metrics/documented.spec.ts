/** docs/reference/metrics.md has the metrics as they are defined. `UPDATE_DOCS=1` writes its table anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { KEY_METRICS } from './key-metrics.ts';
import { METRIC_GROUPS, type Metric } from './metric.ts';

const documentNamed = (name: string) => fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url));

const BOOT_APART = '; without the boot pools';

/** Counts that are better when lower are the rule: only other units and directions are said. */
function rowOf({ id, label, unit, better, formula }: Metric): string {
  const mark = formula.endsWith(BOOT_APART) ? ' †' : '';
  const direction = { lower: '', higher: 'higher is better', neutral: 'neutral' }[better];
  const kind = [label, unit === 'count' ? '' : unit, direction].filter((text) => text !== '');
  return `| \`${id}\`${mark} | ${kind.join('; ')} | ${formula.replace(BOOT_APART, '')} |\n`;
}

describe('docs/reference/metrics.md', () => {
  const reference = documentNamed('reference/metrics.md');
  const rows = METRIC_GROUPS.flatMap(({ group, metrics }) => [
    `| **${group}** | | |\n`,
    ...metrics.map(rowOf),
  ]);
  const TABLE = /(\| id \|.*\n\|[-|]+\n)((?:\|.*\n)*)/;

  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(reference, 'utf8');
    writeFileSync(
      reference,
      text.replace(TABLE, (_, head: string) => head + rows.join('')),
    );
  }

  it('has every metric with its formula', () => {
    expect(TABLE.exec(readFileSync(reference, 'utf8'))?.[2]).toBe(rows.join(''));
  });
});

it('docs/metrics.md has the ten rows of a comparison, in their order', () => {
  const [, table = ''] =
    /\| row \| `--metrics` \|.*\n\|[-|]+\n((?:\|.*\n)*)/.exec(
      readFileSync(documentNamed('metrics.md'), 'utf8'),
    ) ?? [];
  expect([...table.matchAll(/^\|[^|]*\| `(.+?)` \|/gm)].map(([, id]) => id)).toEqual(KEY_METRICS);
});
