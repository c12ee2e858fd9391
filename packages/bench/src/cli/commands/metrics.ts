import { command } from '../declaration.ts';

export const metrics = command({
  name: 'metrics',
  summary: 'list the metrics, with their formulas',
  description:
    'Lists every metric: its id for --metrics, its unit, and its formula. The ten rows that compare shows come first.',
  async run(_, { output }) {
    const { metricsCommand } = await import('../metrics-run.ts');
    return metricsCommand(output);
  },
});
