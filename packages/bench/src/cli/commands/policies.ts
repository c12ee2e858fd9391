import { command } from '../declaration.ts';

export const policies = command({
  name: 'policies',
  summary: 'list the policies and what they are made of',
  description:
    'Lists the baselines, the short names and the strategies that a policy is made of, with their parameters.',
  async run(_, { output }) {
    const { policiesCommand } = await import('../policies-run.ts');
    return policiesCommand(output);
  },
});
