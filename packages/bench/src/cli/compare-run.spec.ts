import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlocksAt } from '../history/blocks-at.ts';
import { shellWord } from '../report/page/escape.ts';
import { readInputHistory } from '../report/read-history.ts';
import { readResults } from '../report/read-results.ts';
import { type Results, resultsText } from '../report/results.ts';
import { withValues } from '../report/testing.ts';
import { run } from './program.ts';
import { keptOutput } from './testing.ts';

let folder = '';
const scratch = (...names: string[]) => join(folder, ...names);

/** The command in this process; `code` is its exit code. */
const decpool = (...words: string[]) => printing(keptOutput(), ...words);

async function printing(output: ReturnType<typeof keptOutput>, ...words: string[]) {
  let code = 0;
  const exit = (given: number) => {
    code = given;
  };
  await run({ words, output, exit });
  return { code, stdout: output.written, stderr: output.told };
}

const compare = (out: string, ...words: string[]) =>
  decpool(
    ...['compare', '--trace', scratch('small.txt'), '--policy', 'gfp-decrypted,first-fit+block+immediate'],
    ...['--memory', '1G:fragmented=0.5', '--seeds', '2', '--out', scratch(out), ...words],
  );
const stored = (out: string): Results => readResults(scratch(out))[0].results;

/** A baseline in a file of its own, changed as told. */
function baseline(change: (results: Results) => Results = (results) => results): string {
  const path = scratch('baseline.json');
  writeFileSync(path, resultsText(change(stored('first'))));
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-compare-'));
  writeFileSync(scratch('small.txt'), '# by hand\na 1 0\na 2 4\na 3 9\nf 1 0\na 4 3\nf 2 4\na 5 0\n');
  await compare('first');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('for machines', () => {
  it('--json prints the results on one line, which are those in the folder, and nothing else', async () => {
    const { code, stdout, stderr } = await compare('json', '--json', '--map');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(stdout)).toEqual(stored('json'));
    expect(stderr).toContain('written      ');
  });

  it('--csv prints the table in the folder, and nothing else', async () => {
    const { stdout } = await compare('csv', '--csv');
    expect(stdout).toBe(readFileSync(scratch('csv/small/results.csv'), 'utf8'));
  });

  it('--mail prints the mail in the folder, and nothing else', async () => {
    const { stdout } = await compare('mail', '--mail');
    expect(stdout).toBe(readFileSync(scratch('mail/small/report.md'), 'utf8'));
    expect(stdout).toContain('decpool compare --trace');
  });

  it('both at once are refused', async () => {
    await expect(compare('both', '--json', '--csv')).rejects.toThrow(/--json.*--csv/);
  });

  it('the command in the results makes the same results, however they were told', () => {
    expect(stored('json')).toEqual(stored('first'));
    expect(stored('first').command).toBe(
      `decpool compare --trace ${shellWord(scratch('small.txt'))} --policy gfp-decrypted,first-fit+block+immediate --memory 1G:fragmented=0.5 --seeds 2`,
    );
  });
});

it('says which input was not begun when a SIGINT came; the one before it has its results', async () => {
  const output = keptOutput();
  const { write } = output;
  output.write = (text) => {
    write(text);
    if (text.startsWith('netvsc, ')) process.emit('SIGINT');
  };
  const words = ['compare', '--policy', 'gfp-decrypted', '--seeds', '1', '--out', scratch('between')];
  const { code, stdout } = await printing(output, ...words);
  expect(code).toBe(130);
  expect(readdirSync(scratch('between'))).toEqual(['netvsc']);
  expect(stdout).toMatch(/\ninterrupted {2}before seqmix\n$/);
});

describe('--check', () => {
  it('ends with 0 where nothing is worse', async () => {
    const { code, stdout } = await compare('same', '--check', baseline());
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      / check against [^\n]*baseline\.json: 0 of \d+ figures .* 5 %\. .*0 are better\./,
    );
  });

  it('ends with 1 where a figure is worse, and tells which', async () => {
    const cheaper = baseline((results) =>
      withValues(results, 'host-calls', [
        [1, 1],
        [1, 1],
      ]),
    );
    const { code, stdout } = await compare('worse', '--check', cheaper);
    expect(code).toBe(1);
    expect(stdout).toMatch(/│ gfp-decrypted +│ host calls +│ +1 │ +\d+ │ .* ✗ │/);
    expect(existsSync(scratch('worse/small/results.json'))).toBe(true);
  });

  it('lets pass what --max-regress allows, and what the seeds may have done', async () => {
    const [[calls], [others]] = stored('first').policies.map(({ metrics }) => metrics['host-calls'].values);
    const near = baseline((results) =>
      withValues(results, 'host-calls', [
        [calls / 1.2, calls / 1.2],
        [others / 1.2, others / 1.2],
      ]),
    );
    expect((await compare('near', '--check', near)).code).toBe(1);
    expect((await compare('near', '--check', near, '--max-regress', '25%')).code).toBe(0);
    const noisy = baseline((results) =>
      withValues(results, 'host-calls', [
        [1, calls],
        [1, others],
      ]),
    );
    expect((await compare('near', '--check', noisy)).code).toBe(0);
  });

  it('is refused before anything runs where the work is another', async () => {
    const check = baseline();
    await expect(compare('other', '--check', check, '--seeds', '3')).rejects.toThrow(
      /differs in seeds: 1, 2, 3 now, 1, 2 before/,
    );
    await expect(compare('other', '--check', check, '--platform', 'tdx')).rejects.toThrow(
      /differs in platform: tdx now, snp before/,
    );
    // Of the same name, as two folders may be.
    const elsewhere = baseline((results) => ({ ...results, memoryHash: 'a'.repeat(64) }));
    await expect(compare('other', '--check', elsewhere)).rejects.toThrow(/differs in memory: /);
    expect(existsSync(scratch('other'))).toBe(false);
  });

  it('is refused if the run would overwrite its baseline', async () => {
    await expect(compare('first', '--check', scratch('first'))).rejects.toThrow(
      'this run would overwrite its baseline',
    );
  });
});

/** Blocks of the boot pools: 64 MiB of bounce buffers; two atomic DMA pools of 128 KiB, each of which splits a mapping. */
const AT_BOOT = { shared: 34, mixed: 2, split: 2 };

describe('--map', () => {
  it('draws each policy, with the counts that the run had at its end and the boot pools', async () => {
    const { stdout } = await compare('map', '--map', 'time');
    const { policies } = stored('map');
    for (const { policy, metrics } of policies) {
      const lines = stdout.slice(stdout.indexOf(`\n${policy}\n`) + policy.length + 2).split('\n');
      const last = lines
        .slice(
          0,
          lines.findIndex((line) => !line.includes('|')),
        )
        .at(-1);
      const counts = [...(last ?? '').split('|')[2].matchAll(/\d+/g)].map(([count]) => Number(count));
      expect(counts).toEqual([
        metrics['blocks-now'].values[0] + AT_BOOT.shared,
        metrics['mixed-now'].values[0] + AT_BOOT.mixed,
        metrics['splits-2m'].values[0] + AT_BOOT.split,
      ]);
    }
  });

  it('is of the blocks that the logs tell of', async () => {
    const history = await readInputHistory(scratch('map/small'), stored('map'));
    const [run] = history?.runs ?? [];
    expect(new BlocksAt(run.blocks).changed.length).toBe(
      stored('map').policies[0].metrics['blocks-touched'].values[0] + AT_BOOT.shared,
    );
  });
});

describe('report --against', () => {
  it('tells what became of the figures, and what else differs', async () => {
    const old = baseline((results) => ({
      ...withValues(results, 'host-calls', [
        [1, 1],
        [1, 1],
      ]),
      memoryHash: 'a'.repeat(64),
    }));
    const { code, stdout } = await decpool('report', scratch('first'), '--against', old);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /against small: 2 of \d+ figures changed, 0 better, 2 worse, .*memory/,
    );
    expect(existsSync(scratch('first/report.html'))).toBe(true);
  });

  it('is refused where the older run has none of the inputs', async () => {
    const other = baseline((results) => ({ ...results, input: { ...results.input, name: 'other' } }));
    await expect(decpool('report', scratch('first'), '--against', other)).rejects.toThrow(
      /has none of the inputs of .*: small/,
    );
  });
});

describe('report --csv', () => {
  it('prints what the page shows over time, which ends at the figures of the first seed, and makes no page', async () => {
    await compare('series');
    const { stdout, stderr } = await decpool('report', scratch('series'), '--csv');
    expect(stderr).toBe('');
    expect(existsSync(scratch('series/report.html'))).toBe(false);
    const lines = stdout.split('\n').map((line) => line.split(','));
    const last = (series: string, policy: string) =>
      Number(lines.findLast((line) => line[1] === series && line[3] === policy)?.[7]);
    for (const { policy, metrics } of stored('series').policies) {
      for (const id of ['splits-2m', 'splits-1g', 'direct-map-4k', 'failures'] as const) {
        expect(last(id, policy), `${id} of ${policy}`).toBe(metrics[id].values[0]);
      }
    }
  });

  it('prints the series asked for, and refuses those that there are not', async () => {
    const asked = await decpool('report', scratch('first'), '--csv', '--series', 'live, extfrag');
    const series = asked.stdout.split('\n').slice(1, -1);
    expect(new Set(series.map((line) => line.split(',')[1]))).toEqual(new Set(['live', 'extfrag']));
    const misspelt = decpool('report', scratch('first'), '--csv', '--series', 'lives');
    await expect(misspelt).rejects.toThrow(/'lives'.*'live'/);
    await expect(decpool('report', scratch('first'), '--series', 'live')).rejects.toThrow(
      '--series is of --csv',
    );
    await expect(decpool('report', scratch('first'), '--csv', '--out', 'x')).rejects.toThrow(
      '--csv is instead',
    );
  });

  it('takes of the settings what concerns it, and leaves the others to the page', async () => {
    const config = scratch('config.mjs');
    const page = scratch('set/page.html');
    writeFileSync(config, `export default { report: { series: ['live'], out: ${JSON.stringify(page)} } }`);
    const { stdout } = await decpool('--config', config, 'report', scratch('first'), '--csv');
    expect(
      new Set(
        stdout
          .split('\n')
          .slice(1, -1)
          .map((line) => line.split(',')[1]),
      ),
    ).toEqual(new Set(['live']));
    expect(existsSync(page)).toBe(false);
    await decpool('--config', config, 'report', scratch('first'));
    expect(existsSync(page)).toBe(true);
  });

  it('tells which policies have no log, on standard error', async () => {
    await compare('gap');
    rmSync(scratch('gap/small/logs/gfp-decrypted.arrow'));
    const { code, stdout, stderr } = await decpool('report', scratch('gap'), '--csv', '--series', 'live');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'decpool: small: no event log of gfp-decrypted\n' });
    expect(stdout).toContain(',first-fit+block+immediate,');
    expect(stdout).not.toContain(',gfp-decrypted,');
  });

  it('is refused where there are no logs', async () => {
    await compare('bare');
    rmSync(scratch('bare/small/logs'), { recursive: true });
    await expect(decpool('report', scratch('bare'), '--csv')).rejects.toThrow(/there are no event logs/);
  });
});
