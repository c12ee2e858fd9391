/**
 * The documents say what is true now: every block of the README that names the command it comes from is compared
 * with what that command prints, and the glossary of metrics with the metrics. `UPDATE_DOCS=1` writes both anew.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allMetrics } from '@decpool/bench';
import { platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = join(root, 'README.md');

/** `part N` shows the Nth of the parts that empty lines separate. */
const BLOCK = /<!-- output of: (.+?)(?:, part (\d+))? -->\n```\n([\s\S]*?)```\n/g;

function outputOf(command: string): string {
  const program = command.startsWith('decpool ')
    ? `node "${join(root, 'packages/bench/bin/decpool.js')}" ${command.slice('decpool '.length)}`
    : `node --import tsx "${join(root, command)}"`;
  // A comparison writes its results where it runs; the other commands read files of the checkout.
  const scratch = mkdtempSync(join(tmpdir(), 'decpool-readme-'));
  try {
    return execFileSync('sh', ['-c', program], {
      cwd: command.startsWith('decpool compare') ? scratch : root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function shown(command: string, part: string | undefined): string {
  const output = outputOf(command);
  return part === undefined ? output : `${output.split(/\n\n+/)[Number(part) - 1].trimEnd()}\n`;
}

describe('the README', () => {
  const text = readFileSync(readme, 'utf8');
  const blocks = [...text.matchAll(BLOCK)];

  if (process.env['UPDATE_DOCS'] !== undefined) {
    const updated = text.replace(BLOCK, (block, command: string, part: string | undefined, old: string) =>
      block.replace(`\`\`\`\n${old}\`\`\``, () => `\`\`\`\n${shown(command, part)}\`\`\``),
    );
    writeFileSync(readme, updated);
  }

  it('shows the output of the main command, of validate and of every example', () => {
    expect(blocks.map(([, command]) => command)).toEqual([
      'decpool compare',
      expect.stringMatching(/^decpool validate /),
      'examples/watch-the-stream.ts',
      'examples/compare-two-policies.ts',
      'examples/replay-a-log.ts',
    ]);
  });

  it.each(blocks.map(([, command, part, output]) => ({ command, part, output })))(
    'shows what $command prints',
    ({ command, part, output }) => {
      expect(output).toBe(shown(command, part));
    },
  );
});

describe('the glossary of metrics', () => {
  const glossary = join(root, 'docs/metrics.md');
  const pool = new Pool({
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policy: policyNamed('gfp-decrypted'),
  });
  const rows = allMetrics(pool.header)
    .values(pool.counters)
    .map(
      ({ id, label, unit, better, formula }) =>
        `| \`${id}\` | ${label} | ${unit} | ${better} | ${formula} |\n`,
    );
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
});
