import { Argument, type Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { SHELLS, type Shell } from './completion/shells.ts';

export function addCompletion(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description(
      'Prints a script for a shell that completes commands, options and what they take: policies, workloads, platforms, formats, and files elsewhere. It has all of that in itself, so it is to be made anew after an update.',
    )
    .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
    .addHelpText(
      'after',
      `
EXAMPLES
  source <(decpool completion bash)
  decpool completion zsh > ~/.zfunc/_decpool
  decpool completion fish > ~/.config/fish/completions/decpool.fish
  decpool completion powershell >> $PROFILE

SEE ALSO
  docs/cli.md`,
    )
    .action(async (shell: Shell) => output.write(await completionScript(decpool, shell)));
}

/** The script for the commands that a program has. */
export async function completionScript(program: Command, shell: Shell): Promise<string> {
  const [{ completable }, { bashScript }, { zshScript }, { fishScript }, { powershellScript }] =
    await Promise.all([
      import('./completion/completable.ts'),
      import('./completion/bash.ts'),
      import('./completion/zsh.ts'),
      import('./completion/fish.ts'),
      import('./completion/powershell.ts'),
    ]);
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript, powershell: powershellScript };
  return scripts[shell](completable(program));
}
