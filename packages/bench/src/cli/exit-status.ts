/** Exit status of a command. */
export const EXIT = {
  done: 0,
  different: 1,
  misuse: 2,
  defect: 3,
  /** 128 + SIGINT, as in a shell. */
  interrupted: 130,
} as const;

/** The same in words, for the help and docs/cli.md. */
export const EXIT_STATUS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'Done; no problem found.',
  different: 'A check found a difference, damage or a regression; see the output.',
  misuse: 'Invalid input: an argument, an option, a setting or a file; see the message on standard error.',
  defect: 'A defect of decpool; please report the message on standard error.',
  interrupted:
    'Stopped by SIGINT (Ctrl-C), SIGTERM (143) or SIGHUP (129); the command prints where it keeps partial results.',
};
