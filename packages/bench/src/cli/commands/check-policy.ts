import { argument, command, number } from '../declaration.ts';
import { ANY_SEED, policyNames } from '../options.ts';

export const checkPolicy = command({
  name: 'check-policy',
  summary: 'check that a policy keeps the rules that every policy must',
  description:
    'Tries a policy with random histories of requests and prints a line per rule. For each broken rule, prints the shortest history found that breaks it.',
  arguments: {
    policy: argument('<policy>', 'a policy, or a file that exports one', {
      words: policyNames,
      isFile: true,
    }),
  },
  options: {
    runs: number('--runs <n>', 'histories to try', { from: 1, to: 1_000_000, default: 100 }),
    seed: number('--seed <n>', 'seed of the histories', { ...ANY_SEED, default: 1 }),
  },
  different: 'A rule is broken; see the output.',
  examples: [
    'decpool check-policy ./my-policy.ts',
    'decpool check-policy first-fit+block+immediate --runs 1000',
  ],
  seeAlso: 'docs/own-policy.md',
  async run({ policy, runs, seed }, { output }) {
    const { checkPolicyCommand } = await import('../check-policy-run.ts');
    return checkPolicyCommand(policy, { runs, seed }, output);
  },
});
