/**
 * `decpool workloads` and docs/reference/workloads.md list the workloads and their parameters. `UPDATE_DOCS=1` writes the document's
 * tables anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { parameterRows, parametersText, workloadRow, workloadsTable } from './list-text.ts';
import { WORKLOADS, workloadNamed } from './registry.ts';

let rows: readonly ReturnType<typeof workloadRow>[] = [];
beforeAll(() => {
  rows = WORKLOADS.map(workloadRow);
}, 120_000);

it('the command prints a row for each workload, with its requests, its peak and its duration', () => {
  const printed = workloadsTable(rows);
  for (const { name, requests, peak, duration } of rows) {
    const row = printed.split('\n').find((line) => line.includes(`│ ${name} `));
    expect(row, name).toContain(` ${requests} │`);
    expect(row, name).toContain(` ${peak} pages │`);
    expect(row, name).toContain(` ${duration} │`);
  }
  expect(Math.max(...printed.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
});

it('with a name it prints platform, memory and the parameters, with defaults and ranges', () => {
  const printed = parametersText(workloadNamed('its-storm'), 100);
  expect(printed).toMatch(/^its-storm: PCI functions .*\n.*\nplatform +cca\nmemory +4G/);
  expect(printed).toMatch(/│ entryBytes │ 8 +│ 1 to 16 bytes +│ size of an entry/);
  expect(printed).toMatch(/│ maxVectors │ 512 +│ 1 to 2,048, a power of two +│/);
  expect(parametersText(workloadNamed('frag'), 100)).toMatch(/\nmemory +512M\n/);
  expect(parametersText(workloadNamed('file-churn'), 100)).toMatch(/│ rate +│ 50 +│ 1 to 10,000 per s +│/);
  expect(parametersText(workloadNamed('kvm-snp'), 100)).toMatch(/--workload kvm-snp:cpus=16 sets one/);
});

it.each<[string, () => readonly (readonly string[])[]]>([
  [
    '| workload | models | requests | peak live pages | duration |',
    () =>
      rows.map(({ name, description, requests, peak, duration }) => [
        `\`${name}\``,
        description,
        requests,
        peak,
        duration,
      ]),
  ],
  [
    '| workload | parameters with their defaults (ranges) |',
    () =>
      WORKLOADS.map((generator) => [
        `\`${generator.name}\``,
        parameterRows(generator)
          .filter(([name]) => name !== 'seed')
          .map(
            ([name, usual, range]) =>
              `\`${name}=${usual.replaceAll(',', '')}\` (${range.replace(' to ', '..')})`,
          )
          .join(', '),
      ]),
  ],
])('docs/reference/workloads.md has the table %s', (head, expected) => {
  const document = new URL('../../../../docs/reference/workloads.md', import.meta.url);
  const text = readFileSync(document, 'utf8');
  const start = text.indexOf(`${head}\n`);
  const end = text.indexOf('\n\n', start);
  const found = text.slice(start, end).split('\n');
  const table = [...found.slice(0, 2), ...expected().map((cells) => `| ${cells.join(' | ')} |`)];
  if (process.env['UPDATE_DOCS'] !== undefined) {
    writeFileSync(document, text.slice(0, start) + table.join('\n') + text.slice(end));
  } else {
    expect(found).toEqual(table);
  }
});
