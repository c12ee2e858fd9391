/**
 * Compare two policies in code: the same requests, the same memory, two answers.
 * Run: npx -y pnpm@10.34.9 exec tsx examples/compare-two-policies.ts
 */
import { compare, netvsc } from '@decpool/bench';
import { platformNamed } from '@decpool/model';
import { fragmented } from '@decpool/pool';

const comparison = await compare({
  name: 'netvsc on fragmented memory',
  workload: netvsc.generate({ nics: 2, cycles: 2, seed: 1 }),
  memory: fragmented(4 * 2 ** 30, 0.8, 1),
  platform: platformNamed('snp'),
  policies: ['linux-7.3', 'decpool'],
  seeds: [1, 2, 3],
  notes: [],
});

console.log(`lower bound: ${comparison.bounds?.blocksPeak.lower} blocks shared at peak`);
for (const { policy, metrics } of comparison.policies) {
  const median = (id: string) => metrics.find(({ metric }) => metric.id === id)?.spread.median;
  console.log(
    `${policy}: ${median('splits-2m')} splits, ${median('blocks-peak')} blocks shared at peak, ${median('host-calls')} host calls`,
  );
}
