import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { COMMANDS } from './commands/all.ts';
import { compare } from './commands/compare.ts';
import { readConfig } from './config-file.ts';
import { type CommandContext, isNegated, type Parameter, settableOptions } from './declaration.ts';
import { run } from './program.ts';
import { settingsIn } from './settings.ts';
import { keptOutput } from './testing.ts';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/decpool.config.ts', import.meta.url));
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

describe('examples/decpool.config.ts', () => {
  let example: Record<string, Record<string, unknown>>;
  beforeAll(async () => {
    example = (await readConfig(EXAMPLE)) as typeof example;
  });
  const byDefault = (option: Parameter) => (option.kind === 'switch' ? isNegated(option) : option.default);

  it('has every setting of every command, beside its default', () => {
    const commands = Object.values(COMMANDS).flatMap((group) => Object.entries(group));
    const expected = commands.flatMap(([key, command]) =>
      [...settableOptions(command)].map(([name, option]) => [
        `${key}.${name}`,
        byDefault(option) === undefined ? undefined : String(byDefault(option)),
      ]),
    );
    const given = Object.entries(example).flatMap(([command, settings]) =>
      Object.entries(settings).map(([name, value]) => [
        `${command}.${name}`,
        value === undefined ? undefined : String(value),
      ]),
    );
    expect(given).toEqual(expected);
  });

  it('has each once, with a comment', () => {
    const lines = readFileSync(EXAMPLE, 'utf8').split('\n');
    const settings = lines.flatMap((line, at) => (/^ {4}\w+:/.test(line) ? [lines[at - 1]] : []));
    expect(settings.length).toBe(Object.values(example).flatMap(Object.keys).length);
    for (const before of settings) expect(before).toMatch(/^ {4}\/\/ /);
  });

  it('changes nothing', () => {
    const settings = settingsIn(example, 'decpool.config.ts', COMMANDS);
    expect([...settings.values()].flat()).toEqual([]);
  });
});

/** The options that `decpool compare WORDS` has with these settings, and the command that reports then have. */
async function compared(settings: Record<string, unknown>, ...words: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'c.mjs');
  writeFileSync(file, `export default ${JSON.stringify({ compare: settings })}`);
  const ran = vi.spyOn(compare, 'run').mockResolvedValue(0);
  onTestFinished(() => ran.mockRestore());
  await run({ words: ['compare', '--config', file, ...words], output: keptOutput(), exit: () => {} });
  const [options, context] = ran.mock.lastCall as unknown as [Record<string, unknown>, CommandContext];
  return { options, command: context.commandLine() };
}

describe('a setting', () => {
  it('stands for its option, as text, as a number or as a list', async () => {
    const { options } = await compared({
      policy: ['linux-6.12', './my-policy.ts'],
      seeds: 7,
      seed: '3',
      granule: 16,
      pcp: false,
      wordAccess: false,
    });
    expect(options).toMatchObject({
      policy: 'linux-6.12,./my-policy.ts',
      seeds: 7,
      seed: 3,
      granule: 16,
      pcp: false,
      wordAccess: false,
    });
    expect(options['kernel']).toBeUndefined();
  });

  it('of an option that may stand alone is true as well', async () => {
    expect(await compared({ map: true })).toMatchObject({
      options: { map: 'policies' },
      command: 'decpool compare',
    });
    expect(await compared({ map: 'time' })).toMatchObject({
      options: { map: 'time' },
      command: 'decpool compare',
    });
  });

  it('gives way to an option of the command', async () => {
    const { options } = await compared(
      { seeds: 7, pcp: false, wordAccess: false, workload: 'netvsc', kernel: '7.x' },
      ...['--seeds', '2', '--pcp', '--word-access', '--no-workload', '--no-kernel'],
    );
    expect(options).toMatchObject({ seeds: 2, pcp: true, wordAccess: true });
    for (const name of ['workload', 'kernel']) expect(options[name]).toBeUndefined();
  });

  it('is in the command that reports have, which does the same without the file', async () => {
    const settings = {
      ...{ memory: "it's", policy: ['linux-6.12', 'genpool'], seeds: 7, pcp: false, wordAccess: false },
      ...{ pareto: false, out: 'elsewhere', seed: 1 },
    };
    const { command, options } = await compared(settings, '--kernel', '7.x', '--seeds=3', '--out', 'here');
    expect(command).toBe(
      "decpool compare --memory 'it'\\''s' --policy linux-6.12,genpool --no-pcp --no-word-access --kernel 7.x --seeds=3",
    );
    const words = command.replace("'it'\\''s'", "it's").split(' ').slice(2);
    const again = await compared({ out: 'here' }, ...words);
    expect(again.options).toEqual(options);
  });

  it.each([
    [{ compair: {} }, "c.ts: unknown command 'compair'. Did you mean 'compare'"],
    [{ compare: { sedes: 7 } }, /^c\.ts: unknown setting of compare 'sedes'\. Did you mean .*'seeds'/],
    [{ fork: { policy: 'genpool' } }, "c.ts: unknown setting of fork 'policy'. Expected one of: own"],
    [{ compare: { seeds: 0 } }, "c.ts: compare.seeds: '0': expected a whole number from 1 to 1000."],
    [{ compare: { seeds: true } }, 'c.ts: compare.seeds: expected a number'],
    [{ compare: { pcp: 'yes' } }, 'c.ts: compare.pcp: expected true or false'],
    [{ compare: { out: 7 } }, 'c.ts: compare.out: expected text, in quotes'],
    [
      { compare: { policy: { name: 'genpool' } } },
      'c.ts: compare.policy: expected a list, or text with commas',
    ],
    [{ compare: { policy: [] } }, 'c.ts: compare.policy: the list is empty; remove the setting'],
    [{ compare: { policy: ['genpool', ''] } }, 'c.ts: compare.policy: an item of the list is empty'],
    [{ fork: { own: '' } }, 'c.ts: fork.own: the list is empty'],
    [{ compare: 'netvsc' }, 'c.ts: compare: expected an object with settings'],
    [
      undefined,
      'c.ts: it has no default export; expected a default export such as { compare: { seeds: 7 } }',
    ],
    [() => {}, 'c.ts: its default export is not an object; expected '],
  ])('%j is refused', (config, message) => {
    expect(() => settingsIn(config, 'c.ts', COMMANDS)).toThrow(message);
  });
});

describe('decpool', () => {
  let folder = '';
  const config = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const ran = async (words: string[], isWatched = false) => {
    const output = keptOutput({ isWatched });
    await run({ words, output, exit: () => {} });
    return output;
  };

  it('refuses a file that is not there, throws, or is no TypeScript, and says where', async () => {
    const refused = (file: string) => expect(ran(['policies', '--config', file])).rejects;
    await refused('missing.ts').toThrow("--config 'missing.ts': there is no such file");
    await refused(config('throws.mjs', '\nthrow new Error("not today");\n')).toThrow(
      /^config file .*throws\.mjs:2: Error: not today$/,
    );
  });

  it('looks for it in the working directory, reports what it stands for, and tells only a terminal', async () => {
    writeFileSync(join(folder, 'small.txt'), 'a 1 0\na 2 4\nf 1 0\n');
    config(
      'decpool.config.ts',
      `import { defineConfig } from '@decpool/bench';
       export default defineConfig({
         compare: { trace: 'small.txt', memory: '1G', policy: ['genpool', 'gfp-decrypted'], seeds: 2, out: 'results' },
       });`,
    );
    const { stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', fileURLToPath(import.meta.resolve('tsx')), MAIN, 'compare', '--seeds', '1'],
      { cwd: folder },
    );
    expect(stderr).toBe('');
    const { command } = JSON.parse(readFileSync(join(folder, 'results/small/results.json'), 'utf8'));
    expect(command).toBe(
      'decpool compare --trace small.txt --memory 1G --policy genpool,gfp-decrypted --seeds 1',
    );
  });

  it('says on a terminal which settings are in use, and beside what is wrong with one', async () => {
    const file = config('other.mjs', 'export default { validate: { scatter: true } };');
    const output = keptOutput({ isWatched: true });
    const failing = run({ words: ['validate', 'missing', '--config', file], output, exit: () => {} });
    await expect(failing).rejects.toThrow(/missing.*\n\(settings from .*other\.mjs: validate\.scatter\)$/s);
    expect(output.told).toMatch(/^decpool: settings from .*other\.mjs: validate\.scatter\n$/);
    expect(output.written).toBe('');
  });
});
