import { argument, command } from '../declaration.ts';

const SHELLS = ['bash', 'zsh'];

export const completion = command({
  name: 'completion',
  summary: 'print a script that completes commands in a shell',
  description:
    'Prints a script for a shell. It completes commands, options and their values: policies, workloads, platforms, formats, files. The script contains all names: print it again after an update of decpool.',
  arguments: { shell: argument('<shell>', 'the shell', { choices: SHELLS }) },
  examples: [
    'source <(decpool completion bash)',
    'decpool completion bash > ~/.local/share/bash-completion/completions/decpool',
    'decpool completion zsh > ~/.zfunc/_decpool',
  ],
  seeAlso: 'docs/cli.md',
  async run({ shell }, { output, commands, globalOptions }) {
    const { completable } = await import('../completion/completable.ts');
    const { bashScript } = await import('../completion/bash.ts');
    const { zshScript } = await import('../completion/zsh.ts');
    const script = shell === 'zsh' ? zshScript : bashScript;
    output.write(script(await completable(commands, globalOptions)));
  },
});
