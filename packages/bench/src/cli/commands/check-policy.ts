import { type Command, Option } from 'commander';
import type { CheckPolicyOptions } from '../check-policy-run.ts';
import type { CommandContext } from '../command-context.ts';
import { wholeNumber } from '../numbers.ts';

export function addCheckPolicy(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('check-policy')
    .summary('check that a policy keeps the rules that every policy must')
    .description(
      'Tries a policy with random histories of requests and prints a line per rule, and for each that is broken the shortest history found that shows it. Exit code 1 when one is broken.',
    )
    .argument('<policy>', 'a policy, or a file that exports one')
    .addOption(new Option('--runs <n>', 'histories to try').default(100).argParser(wholeNumber(1, 1_000_000)))
    .addOption(
      new Option('--seed <n>', 'seed of the histories').default(1).argParser(wholeNumber(0, 0xffffffff)),
    )
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool check-policy ./my-policy.ts
  decpool check-policy first-fit+block+immediate --runs 1000

SEE ALSO
  docs/own-policy.md`,
    )
    .action(async (policy: string, options: CheckPolicyOptions) => {
      const { checkPolicyCommand } = await import('../check-policy-run.ts');
      exit(await checkPolicyCommand(policy, options, output));
    });
}
