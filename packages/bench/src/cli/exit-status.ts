/** What a command's exit status says to whoever called it. */
export const EXIT = {
  done: 0,
  different: 1,
  misuse: 2,
  defect: 3,
  /** As a shell gives it. */
  interrupted: 130,
} as const;

/** The same in words, for the help and docs/cli.md. */
export const EXIT_STATUS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'Done, and nothing was found to be wrong.',
  different: 'A check found a difference, damage or a regression; what it found is in the output.',
  misuse: 'Something given is wrong: a word of the command, a setting, a file. Standard error says what.',
  defect: 'A defect of decpool; please report what standard error says.',
  interrupted: 'A SIGINT (Ctrl-C) ended it. What was finished until then is kept where the command says so.',
};
