import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import type { Pool } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRun } from '../inspect/testing.ts';
import { shellWord } from '../report/page/escape.ts';
import { run } from './program.ts';
import { keptOutput } from './testing.ts';

/** The second buffer has no room left in the block of the ring. */
function ringAndBuffers(pool: Pool): void {
  pool.alloc_pages(1, { owner: 'ring', at: 1000 });
  for (const at of [2000, 3000]) pool.alloc_pages(8, { owner: 'buffer', at });
}

let folder = '';
let log = '';
let quiet = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  log = await writeRun(join(folder, 'run.ndjson'), ringAndBuffers, { format: 'ndjson' });
  quiet = await writeRun(join(folder, 'quiet.arrow'), () => {});
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command prints; an exit code would be 0. */
async function printed(...words: string[]): Promise<string> {
  const output = keptOutput();
  let code = 0;
  await run({ words: [...words, '--no-config'], output, exit: (given) => (code = given) });
  expect({ code, told: output.told }).toEqual({ code: 0, told: '' });
  return output.written;
}

describe('decpool splits', () => {
  it('prints a table by owner by default, and ends with the command that explains one', async () => {
    const lines = (await printed('splits', log)).trimEnd().split('\n');
    expect(lines[0]).toBe("2 2M splits; 'buffer' caused 1 of them.");
    expect(lines[2]).toMatch(
      /^│ owner +│ 2M splits │ 1G splits │ % of splits │ requests │ first at event │$/,
    );
    const { splits } = JSON.parse(await printed('splits', log, '--json'));
    const command = /decpool (explain) (.*) (--split) (\d+)$/.exec(lines.at(-1) ?? '');
    expect(command?.slice(1)).toEqual(['explain', shellWord(log), '--split', String(splits[0].seq)]);
    expect(await printed('explain', log, '--split', command?.[4] ?? '')).toContain(
      `split at event ${splits[0].seq}`,
    );
  });

  it('prints one JSON document with every split and the groups that were asked for', async () => {
    const [byOwner, byRequest, byBlock] = await Promise.all(
      ['owner', 'request', 'block'].map(async (by) =>
        JSON.parse(await printed('splits', log, '--json', '--by', by)),
      ),
    );
    expect(byOwner.total).toEqual({ '2M': 2, '1G': 0, '32M': 0, '64K': 0 });
    expect(byOwner.splits).toHaveLength(2);
    expect(byOwner.splits[0]).toEqual({
      ...{ seq: expect.any(Number), time_ns: 1000, request: 1, cause: 'request', owner: 'ring' },
      ...{ pfn: expect.any(Number), block: byOwner.splits[0].pfn / 512, level: '2M' },
    });
    expect(byOwner.groups.map(({ owner }: { owner: string }) => owner)).toEqual(['buffer', 'ring']);
    expect(byRequest.groups).toMatchObject([
      { request: 1, asked: { api: 'alloc_pages', pages: 2 } },
      { request: 3, asked: { api: 'alloc_pages', pages: 256 } },
    ]);
    expect(byBlock.groups.map(({ atEnd }: { atEnd: string }) => atEnd)).toEqual(['mixed', 'mixed']);
    for (const { splits } of [byRequest, byBlock]) expect(splits).toEqual(byOwner.splits);
  });

  it('says that nothing was split', async () => {
    expect(await printed('splits', quiet)).toBe('No entry of the direct map was split.\n');
    const counts = { '2M': 0, '1G': 0, '32M': 0, '64K': 0 };
    const none = { total: counts, atBoot: counts, by: 'owner', groups: [], splits: [] };
    expect(JSON.parse(await printed('splits', quiet, '--json'))).toEqual(none);
  });

  it('refuses a damaged log, and what is none, as explain does', async () => {
    const text = readFileSync(log, 'utf8');
    const files = {
      altered: text.replace('"alloc_pages"', '"alloc_pagez"'),
      renumbered: text.replace(/"type":"pages-claimed","pfn":(\d)/, '"type":"pages-claimed","pfn":9'),
      none: '# by hand\n',
      empty: '',
    };
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, `${name}.ndjson`);
      writeFileSync(path, content);
      const messages = await Promise.all(
        [
          ['splits', path],
          ['explain', path, '--block', '0'],
        ].map((words) => printed(...words).catch((error: unknown) => error)),
      );
      expect(messages[0], name).toBeInstanceOf(InputError);
      expect(messages[0], name).toEqual(messages[1]);
    }
  });
});

describe('decpool explain without a block, a split or an allocation', () => {
  it('explains the first split by a request; if there is none, one by the boot pool of swiotlb', async () => {
    const swiotlb = { bytes: 3 * 2 ** 20, dynamic: false };
    const log = await writeRun(join(folder, 'boot.arrow'), ringAndBuffers, { swiotlb, memoryBytes: 2 ** 32 });
    const { splits, atBoot: counts } = JSON.parse(await printed('splits', log, '--json'));
    expect(counts['1G'] + counts['2M']).toBeGreaterThan(0);
    const explained = await printed('explain', log);
    expect(explained).toContain(`split at event ${splits[0].seq}`);
    expect(explained).toContain('ring');
    const before = await printed('explain', log, '--at', String(splits[0].seq));
    expect(before).toContain('by the boot pool of swiotlb, before the first request');
  });

  it('explains the first split of the log, up to the position that is asked for', async () => {
    const [first, second] = JSON.parse(await printed('splits', log, '--json')).splits;
    expect(first.seq).toBeLessThan(second.seq);
    for (const options of [[], ['--json'], ['--at', String(second.seq)]]) {
      const explained = await printed('explain', log, ...options);
      expect(explained).toBe(await printed('explain', log, '--split', String(first.seq), ...options));
    }
    expect(await printed('explain', log)).toContain(`split at event ${first.seq}`);
  });

  it('names decpool show if nothing is split, or not yet', async () => {
    const sentence = 'No 2M or 1G entry of the direct map was split';
    expect(await printed('explain', quiet)).toBe(
      `${sentence}; to see its state: decpool show ${shellWord(quiet)}\n`,
    );
    expect(await printed('explain', log, '--at', '1')).toBe(
      `${sentence} before event 1; to see its state: decpool show ${shellWord(log)} --at 1\n`,
    );
    expect(JSON.parse(await printed('explain', quiet, '--json'))).toMatchObject({ kind: 'none' });
  });
});
