/** docs/platforms.md and docs/reference/platforms.md have the tables of the profiles. `UPDATE_DOCS=1` writes them anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flushCount, type Platform } from '../platform.ts';
import { formulaByPlatform, PLATFORM_NAMES, PLATFORM_PROFILES } from './all.ts';

const flushBefore = ({ flushBefore }: Platform): string => {
  if (flushBefore.length === 2) return 'always';
  return flushBefore.length === 0
    ? 'no'
    : `if pages become ${flushBefore[0] === 'decrypt' ? 'shared' : 'private'}`;
};

const TABLES: readonly [document: string, head: string, rows: readonly (readonly string[])[]][] = [
  [
    'platforms.md',
    '| platform | direct map | calls to the host per conversion | page-table passes | TLB flush before the change | TLB flushes in all |',
    PLATFORM_PROFILES.map(({ platform, texts }) => [
      `\`${platform.name}\``,
      texts.directMap,
      texts.hostCalls,
      texts.pageTablePasses,
      flushBefore(platform),
      texts.flushes,
    ]),
  ],
  [
    'platforms.md',
    '| platform | a vmalloc address | a stray `load_unaligned_zeropad()` at a border | smallest slab object |',
    PLATFORM_PROFILES.map(({ platform, texts }) => [
      `\`${platform.name}\``,
      texts.vmallocAddress,
      texts.strayRead,
      `${platform.dmaMinAlign} bytes`,
    ]),
  ],
  ['reference/platforms.md', '| platform | number | kernel source |', sourceRows()],
];

/** A source that several platforms have stands once, with all of them. */
function sourceRows(): string[][] {
  const platforms = new Map<string, string[]>();
  for (const { platform, sources } of PLATFORM_PROFILES) {
    for (const { number, source } of sources) {
      const row = `${number} | ${source}`;
      platforms.set(row, [...(platforms.get(row) ?? []), `\`${platform.name}\``]);
    }
  }
  return [...platforms].map(([row, names]) => [names.join(', '), row]);
}

it.each(TABLES)('docs/%s has the table %s', (path, head, rows) => {
  const document = new URL(`../../../../docs/${path}`, import.meta.url);
  const text = readFileSync(document, 'utf8');
  const start = text.indexOf(`${head}\n`);
  const end = text.indexOf('\n\n', start);
  const found = text.slice(start, end).split('\n');
  const table = [...found.slice(0, 2), ...rows.map((cells) => `| ${cells.join(' | ')} |`)];
  if (process.env['UPDATE_DOCS'] !== undefined) {
    writeFileSync(document, text.slice(0, start) + table.join('\n') + text.slice(end));
  } else {
    expect(found).toEqual(table);
  }
});

describe.each(PLATFORM_PROFILES)('the texts of $platform.name', ({ platform, texts }) => {
  it('have its numbers', () => {
    expect(texts.pageTablePasses).toMatch(new RegExp(`^${platform.pageTablePasses}( |$)`));
    expect(texts.flushes).toMatch(new RegExp(`^${flushCount(platform, 'decrypt')}( |$)`));
    const { hostCalls } = platform;
    if (hostCalls.kind === 'page-state-list') expect(texts.hostCalls).toContain(String(hostCalls.entries));
    if (hostCalls.kind === 'page-list' && hostCalls.pages > 1) {
      expect(texts.hostCalls).toContain(String(hostCalls.pages));
    }
  });
});

it('a formula names the platforms that share it once', () => {
  const formula = formulaByPlatform('pageTablePasses');
  expect(formula).toContain(
    'snp, tdx 1; hyperv-vtom 3 (not-present before, present after); cca, cca-bbml3 2 (invalid, valid); ',
  );
  expect(formula.split(/[,;]? /).filter((word) => PLATFORM_NAMES.some((name) => name === word))).toHaveLength(
    PLATFORM_NAMES.length,
  );
});
