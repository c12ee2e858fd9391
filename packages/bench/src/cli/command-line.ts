/** The command that a report names: it makes the same report. Where results are written makes no difference. */

/** Options with a value, and without, that do not change the results: where and how they are shown, and what they are checked against. */
const LEFT_OUT = ['--out', '--config', '--check', '--max-regress'];
const LEFT_OUT_ALONE = ['--json', '--csv', '--mail', '--map'];
/** Each can be undone: `--no-check`. */
const LEFT_OUT_ANYWAY = [...LEFT_OUT, ...LEFT_OUT_ALONE].flatMap((option) => [
  option,
  option.replace('--', '--no-'),
]);
/** Values that one of these may have. */
const LEFT_OUT_BEHIND: Readonly<Record<string, readonly string[]>> = { '--map': ['policies', 'time'] };

/** `words` as typed; `settings`: the options that a config file stands for, which the command needs without it. */
export function commandLine(words: readonly string[], command: string, settings: readonly string[]): string {
  const kept = withoutPlaces(words);
  // Ahead of the words that were typed, since behind a `--` nothing is an option.
  const behind = kept.indexOf(command) + 1;
  const all = [...kept.slice(0, behind), ...withoutPlaces(settings), ...kept.slice(behind)];
  return ['decpool', ...all].map(quoted).join(' ');
}

function withoutPlaces(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (LEFT_OUT.includes(word) || LEFT_OUT_BEHIND[word]?.includes(words[at + 1]) === true) at++;
    else if (!LEFT_OUT_ANYWAY.includes(word.replace(/=.*/s, ''))) kept.push(word);
  }
  return kept;
}

/** For a POSIX shell. */
const quoted = (word: string): string =>
  /^[\w./:=,+@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
