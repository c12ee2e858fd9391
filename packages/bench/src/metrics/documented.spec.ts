/** docs/metrics.md has the metrics as they are defined. `UPDATE_DOCS=1` writes its table anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { KEY_METRICS } from './key-metrics.ts';
import { METRIC_GROUPS } from './metric.ts';

describe('docs/metrics.md', () => {
  const glossary = fileURLToPath(new URL('../../../../docs/metrics.md', import.meta.url));
  const rows = METRIC_GROUPS.flatMap(({ group, metrics }) => [
    `| **${group}** | | | | |\n`,
    ...metrics.map(
      ({ id, label, unit, better, formula }) =>
        `| \`${id}\` | ${label} | ${unit} | ${better} | ${formula} |\n`,
    ),
  ]);
  const TABLE = /(\| id \|.*\n\|[-|]+\n)((?:\|.*\n)*)/;

  if (process.env['UPDATE_DOCS'] !== undefined) {
    const text = readFileSync(glossary, 'utf8');
    writeFileSync(
      glossary,
      text.replace(TABLE, (_, head: string) => head + rows.join('')),
    );
  }

  it('has every metric with its formula', () => {
    expect(TABLE.exec(readFileSync(glossary, 'utf8'))?.[2]).toBe(rows.join(''));
  });

  it('has the ten rows of a comparison, in their order', () => {
    const [, table = ''] =
      /\| row \| `--metrics` \|.*\n\|[-|]+\n((?:\|.*\n)*)/.exec(readFileSync(glossary, 'utf8')) ?? [];
    expect([...table.matchAll(/^\|[^|]*\| `(.+?)` \|/gm)].map(([, id]) => id)).toEqual(KEY_METRICS);
  });
});
