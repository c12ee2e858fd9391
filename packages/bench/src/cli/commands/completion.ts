import { Argument, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { SHELLS, type Shell } from '../completion/shells.ts';

export function addCompletion(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description(
      'Prints a script for a shell that completes commands, options and their values: policies, workloads, platforms, formats, files. The script contains all names: print it again after an update of decpool.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
EXAMPLES
  source <(decpool completion bash)
  decpool completion zsh > ~/.zfunc/_decpool

SEE ALSO
  docs/cli.md`,
    )
    .action(async (shell: Shell) => output.write(await completionScript(decpool, shell)));
}

/** The script for the commands that a program has. */
export async function completionScript(program: Command, shell: Shell): Promise<string> {
  const [{ completable }, { bashScript }, { zshScript }] = await Promise.all([
    import('../completion/completable.ts'),
    import('../completion/bash.ts'),
    import('../completion/zsh.ts'),
  ]);
  const scripts = { bash: bashScript, zsh: zshScript };
  return scripts[shell](completable(program));
}
