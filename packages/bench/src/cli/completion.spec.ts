import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';
import { anyProgram, keptOutput } from './testing.ts';

const SHELLS = ['bash', 'zsh'];

/** What `decpool completion SHELL` prints. */
async function completionScript(shell: string): Promise<string> {
  const output = keptOutput();
  await run({ words: ['completion', shell], output, exit: () => {} });
  return output.written;
}

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-completion-'));
  for (const shell of SHELLS) {
    writeFileSync(join(folder, `decpool.${shell}`), await completionScript(shell));
  }
  writeFileSync(join(folder, 'boot.trace'), '');
  mkdirSync(join(folder, 'before'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a shell answers to each line, by that line: a script prints `LINE<TAB>WORDS`. */
function answers(shell: string, script: string): Map<string, string> {
  const text = execFileSync(shell, ['-c', script], { cwd: folder, encoding: 'utf8' });
  return new Map(text.split('\n').map((line) => line.split('\t') as [string, string]));
}

const isInstalled = (shell: string) => spawnSync(shell, ['--version']).status === 0;

const LINES = {
  'decpool sw': 'sweep',
  'decpool help sw': 'sweep',
  'decpool compare --pl': '--platform',
  'decpool sweep --conf': '--config',
  'decpool compare --policy linux-':
    'linux-7.3 linux-7.3:coherent-pool linux-7.3:slots-first linux-7.3:kept-buffers linux-7.3:whole-blocks linux-6.12',
  'decpool compare --policy linux-7.3,gfp': 'linux-7.3,gfp-decrypted',
  'decpool compare --workload tdx': 'tdx-vm',
  'decpool compare --platform td': 'tdx',
  'decpool compare --log-format a': 'arrow',
  'decpool compare --trace boot': 'boot.trace',
  'decpool compare --memory-state k73/low': 'k73/low-mix-1',
  'decpool compare --memory-state bef': 'before',
  'decpool check-policy first-fit+block+im': 'first-fit+block+immediate',
  'decpool replay boot': 'boot.trace',
  'decpool spl': 'splits',
  'decpool splits --by re': 'request',
  'decpool splits boot': 'boot.trace',
  'decpool completion z': 'zsh',
  'decpool compare --map --pl': '--platform',
  'decpool compare --seeds ': '',
} as const;

const quoted = (lines: Iterable<string>) => [...lines].map((line) => `'${line}'`).join(' ');

describe.skipIf(!isInstalled('bash'))('in bash', () => {
  const complete = (lines: readonly string[]) =>
    answers(
      'bash',
      `source decpool.bash; source decpool.bash
       for line in ${quoted(lines)}; do
         COMP_LINE=$line COMP_POINT=\${#line}; _decpool; printf '%s\\t%s\\n' "$line" "\${COMPREPLY[*]}"
       done`,
    );

  it('completes commands, options, values and files', () => {
    const given = complete(Object.keys(LINES));
    for (const [line, expected] of Object.entries(LINES))
      expect([line, given.get(line)]).toEqual([line, expected]);
  });

  it('completes a value behind an equals sign, where bash has cut the word', () => {
    expect(complete(['decpool compare --policy=linux-7.3,gfp']).values().next().value).toBe(
      'linux-7.3,gfp-decrypted',
    );
    expect(complete(['decpool compare --map=t']).values().next().value).toBe('time');
  });

  it('takes options of every command for what they are, ahead of it as well', () => {
    expect(complete(['decpool --config boot.trace compare --kernel ']).values().next().value).toBe(
      '6.x 6.12 7.x',
    );
  });

  it('runs nothing of what was typed', () => {
    const [, words] = [...complete(['decpool compare --shared $(touch ran) --out be'])][0];
    expect(words).toBe('before');
    expect(spawnSync('ls', [folder], { encoding: 'utf8' }).stdout).not.toContain('ran');
  });
});

describe.skipIf(!isInstalled('zsh'))('in zsh', () => {
  it('is a script that completion can be defined by', () => {
    const script = 'compdef() { printf "decpool\\t%s\\n" "$*" }; source decpool.zsh';
    expect(answers('zsh', script).get('decpool')).toBe('_decpool decpool');
  });
});

it('knows every command and option in every shell', async () => {
  for (const shell of SHELLS) {
    const script = await completionScript(shell);
    for (const command of anyProgram().commands) {
      expect(script).toContain(command.name());
      for (const { long, hidden } of command.options) {
        if (!hidden && long) expect(script).toContain(long);
      }
    }
  }
});
