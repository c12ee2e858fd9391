import { describe, expect, it } from 'vitest';
import { COMMANDS } from './commands/all.ts';
import { bashScript } from './completion/bash.ts';
import { completable } from './completion/completable.ts';
import { zshScript } from './completion/zsh.ts';
import { type Command, longOf, placeholderOf, settableOptions } from './declaration.ts';
import { GLOBAL_OPTIONS } from './program.ts';
import { settingsIn } from './settings.ts';
import { anyProgram } from './testing.ts';

const commands: readonly (readonly [key: string, declared: Command])[] = Object.values(COMMANDS).flatMap(
  (group) => Object.entries(group),
);

/** `check-policy` is `checkPolicy`. */
const camelCase = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

describe.each(commands)('the declaration of %s', (key, declared) => {
  const { name, arguments: args = {}, options = {} } = declared;
  const parsed = anyProgram().commands.find((command) => command.name() === name);

  it('has its name, and each option its long name, as the key', () => {
    expect(key).toBe(camelCase(name));
    for (const [option, parameter] of Object.entries(options)) {
      expect(camelCase(longOf(parameter).replace(/^--(no-)?/, ''))).toBe(option);
    }
  });

  it('is enough for help and for both completions', async () => {
    const help = parsed!.helpInformation();
    const complete = await completable([declared], GLOBAL_OPTIONS);
    const scripts = [bashScript(complete), zshScript(complete)];
    for (const argument of Object.values(args)) expect(help).toContain(`\n  ${placeholderOf(argument)}`);
    for (const option of Object.values(options)) {
      expect(help).toContain(`${option.flags} `);
      for (const script of scripts) expect(script).toContain(longOf(option));
    }
  });

  it('is enough for settings in a config file', () => {
    for (const [option, { kind }] of settableOptions(declared)) {
      const config = { [key]: { [option]: kind === 'switch' ? 'text' : {} } };
      expect(() => settingsIn(config, 'c.ts', COMMANDS)).toThrow(`c.ts: ${key}.${option}: expected `);
    }
  });
});

it('no sentence of the help has more than 25 words', () => {
  for (const [, { name, summary, description, arguments: args = {}, options = {} }] of commands) {
    const parameters = [...Object.values(args), ...Object.values(options)].map(({ text }) => text);
    for (const text of [summary, description, ...parameters]) {
      for (const sentence of text.split(/[.:;] /)) {
        expect([name, sentence, sentence.split(' ').length <= 25]).toEqual([name, sentence, true]);
      }
    }
  }
});
