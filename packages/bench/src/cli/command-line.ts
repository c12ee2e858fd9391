/** The command for reports: whoever runs it gets the same ones. Where they are written to makes no difference. */

/** Options with a value, and without, that say nothing about what is run. */
const LEFT_OUT = ['--out', '--config'];
const LEFT_OUT_ALONE = ['--no-config'];

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
    if (LEFT_OUT.includes(word)) at++;
    else if (!LEFT_OUT_ALONE.includes(word) && !LEFT_OUT.some((name) => word.startsWith(`${name}=`))) {
      kept.push(word);
    }
  }
  return kept;
}

/** For a POSIX shell. */
const quoted = (word: string): string =>
  /^[\w./:=,+@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
