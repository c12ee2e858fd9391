/**
 * The documents say what is true now: every block of theirs that names the command it comes from is compared
 * with what that command prints. `UPDATE_DOCS=1` writes them anew, `UPDATE_DOCS=docs/replay.md` those of one document.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The documents with such blocks, and the commands that each must show, in this order. */
const DOCUMENTS = [
  {
    path: 'README.md',
    commands: [
      expect.stringMatching(/^COLUMNS=\d+ decpool compare --workload netvsc /),
      'examples/compare-two-policies.ts',
    ],
  },
  {
    path: 'docs/validation.md',
    commands: [expect.stringMatching(/^decpool validate --exact /)],
  },
  {
    path: 'docs/reference/validation.md',
    commands: [
      expect.stringMatching(/^decpool validate --exact --ablate /),
      expect.stringMatching(/^decpool validate --supply /),
      expect.stringMatching(/^decpool validate .*\.csv\.gz \| /),
    ],
  },
  {
    path: 'docs/replay.md',
    commands: [
      expect.stringMatching(/^decpool verify /),
      expect.stringMatching(/^decpool splits /),
      expect.stringMatching(/^decpool explain /),
    ],
  },
  { path: 'docs/reference/api.md', commands: ['examples/time-travel.ts'] },
  {
    path: 'docs/cli.md',
    commands: [expect.stringMatching(/^decpool compare --workload netvsc --seeds 1 --csv /)],
  },
  {
    path: 'docs/reports.md',
    commands: [
      'COLUMNS=100 decpool compare --workload netvsc',
      expect.stringMatching(/^COLUMNS=100 decpool compare --workload netvsc .* --map /),
    ],
  },
  {
    path: 'docs/own-policy.md',
    commands: [
      expect.stringMatching(/^decpool compare .*,.\/examples\/custom-policy.ts --metrics .* \| head -10$/),
      'decpool check-policy ./examples/custom-policy.ts | head -8',
    ],
  },
] as const;

/** What a command prints, as it is, or the rows of its tables as a Markdown table. */
const BLOCK = /(<!-- (?:output|table) of: (.+?) -->\n)(```\n[\s\S]*?```\n|\|.*\n\|[-|]+\n(?:\|.*\n)*)/g;

/** A file of the checkout, in full. */
const LISTING = /<!-- file: (.+?) -->\n```ts\n([\s\S]*?)```\n/g;

/** The spec beside the code looks at the same results; these commands take 28 s, and run under `pnpm test:long`. */
const isSlow = (command: string): boolean => /^decpool validate .*--(?:ablate|supply) /.test(command);
const isLong = randomRuns(4) === 4;

const isUpdated = (path: string) => ['1', path].includes(process.env['UPDATE_DOCS'] ?? '');

function outputOf(line: string): string {
  const [, columns = '', command] = /^(?:COLUMNS=(\d+) )?(.*)$/.exec(line) ?? [];
  const program = command.startsWith('decpool ')
    ? `node "${join(root, 'packages/bench/bin/decpool.js')}" ${command.slice('decpool '.length)}`
    : `node --import tsx "${join(root, command)}"`;
  // A comparison writes its results where it runs; the other commands read files of the checkout.
  const scratch = mkdtempSync(join(tmpdir(), 'decpool-readme-'));
  symlinkSync(join(root, 'examples'), join(scratch, 'examples'));
  try {
    return execFileSync('sh', ['-c', program], {
      cwd: command.startsWith('decpool compare') ? scratch : root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', COLUMNS: columns },
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const shownOf = (comment: string, command: string): string =>
  comment.includes('table of') ? markdownTable(outputOf(command)) : `\`\`\`\n${outputOf(command)}\`\`\`\n`;

/** The rows of a table that a command drew with lines, as Markdown. */
function markdownTable(output: string): string {
  const rows = output
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) => line.split('│').slice(1, -1));
  const [head = [], ...body] = rows.map((cells) => `| ${cells.map((cell) => cell.trim()).join(' | ')} |\n`);
  return [head, `|${'---|'.repeat(rows[0]?.length ?? 0)}\n`, ...body].join('');
}

it('README.md has 150 lines at most', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(151);
});

describe.each(DOCUMENTS)('$path', ({ path, commands }) => {
  const document = join(root, path);
  if (isUpdated(path)) {
    const updated = readFileSync(document, 'utf8').replace(
      BLOCK,
      (_, comment: string, command: string) => comment + shownOf(comment, command),
    );
    writeFileSync(document, updated);
  }
  const blocks = [...readFileSync(document, 'utf8').matchAll(BLOCK)];

  it('shows the output of each command that it is about', () => {
    expect(blocks.map(([, , command]) => command)).toEqual(commands);
  });

  const shown = blocks.map(([, comment, command, shown]) => ({ comment, command, shown }));
  it.each(shown.filter(({ command }) => isSlow(command) === isLong))(
    'shows what $command prints',
    ({ comment, command, shown }) => {
      expect(shown).toBe(shownOf(comment, command));
    },
  );
});

it('the guide to a policy of your own lists its example as it is', () => {
  const guide = join(root, 'docs/own-policy.md');
  if (isUpdated('docs/own-policy.md')) {
    const updated = readFileSync(guide, 'utf8').replace(LISTING, (listing, path: string, old: string) =>
      listing.replace(`\`\`\`ts\n${old}`, () => `\`\`\`ts\n${readFileSync(join(root, path), 'utf8')}`),
    );
    writeFileSync(guide, updated);
  }
  const listings = [...readFileSync(guide, 'utf8').matchAll(LISTING)];
  expect(listings.map(([, path]) => path)).toEqual(['examples/custom-policy.ts']);
  for (const [, path, listed] of listings) expect(listed).toBe(readFileSync(join(root, path), 'utf8'));
});
