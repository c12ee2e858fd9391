/** The command that a report names: it makes the same report. */
import { type Command, isValueOptional, longOf, oppositeOf, type Parameter } from './declaration.ts';
import type { Setting } from './settings.ts';

/**
 * `words` as typed, and `settings` of a config file as options: the command needs no file. Options that only say where and how
 * results are shown are left out.
 */
export function commandLine(
  words: readonly string[],
  { name, options = {} }: Command,
  settings: readonly Pick<Setting, 'words'>[],
): string {
  const presentation = Object.values(options).filter(({ isPresentation }) => isPresentation === true);
  const without = (all: readonly string[]) => withoutOptions(all, [CONFIG, ...presentation]);
  const kept = without(words);
  // Ahead of the options that were typed: behind a `--` nothing is an option.
  const behind = kept.indexOf(name) + 1;
  const set = without(settings.flatMap((setting) => setting.words));
  return ['decpool', ...kept.slice(0, behind), ...set, ...kept.slice(behind)].map(quoted).join(' ');
}

const CONFIG: Parameter = { flags: '--config <file>', text: '', kind: 'text' };

function withoutOptions(words: readonly string[], options: readonly Parameter[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [word, value] = words[at].split('=', 2);
    const option = options.find((each) => longOf(each) === word || oppositeOf(each) === word);
    if (option === undefined) kept.push(words[at]);
    else if (value === undefined && longOf(option) === word && hasValue(option, words[at + 1])) at++;
  }
  return kept;
}

const hasValue = (option: Parameter, next: string | undefined): boolean =>
  isValueOptional(option) ? option.choices?.includes(next ?? '') === true : option.kind !== 'switch';

/** For a POSIX shell. */
const quoted = (word: string): string =>
  /^[\w./:=,+@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
