import { describe, expect, it } from 'vitest';
import { commandLine } from './command-line.ts';
import { compare } from './commands/compare.ts';

const told = (words: string, settings: readonly string[] = []) =>
  commandLine(words.split(' '), compare, [{ words: settings }]);

describe('the command that a report names', () => {
  it('is as typed, for a shell', () => {
    expect(told('compare --workload netvsc --shared order>=1')).toBe(
      "decpool compare --workload netvsc --shared 'order>=1'",
    );
  });

  it('says nothing of where results go, how they are told and what they are checked against', () => {
    for (const words of [
      '--out some/where',
      '--out=some/where',
      '--json',
      '--csv',
      '--map',
      '--map time',
      '--map=time',
      '--check old.json --max-regress 3%',
      '--no-config',
      '--no-out --no-check --no-max-regress',
      '--no-json --no-csv --no-map',
    ]) {
      expect(told(`compare ${words} --seeds 2`), words).toBe('decpool compare --seeds 2');
    }
  });

  it('has what a config file set, before what was typed', () => {
    expect(told('compare --seeds 2', ['--no-pcp'])).toBe('decpool compare --no-pcp --seeds 2');
  });
});
