/**
 * Allocate and watch the stream: every change of the pool is a frozen event; the state is a fold of them.
 * Run: npx -y pnpm@10.34.9 exec tsx examples/watch-the-stream.ts
 */
import { platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { filter } from 'rxjs';

const pool = new Pool({
  memory: freshBoot(4 * 2 ** 30),
  platform: platformNamed('snp'),
  policy: policyNamed('first-fit+block+immediate'),
});

pool.events$.subscribe(({ seq, time, request, type, ...what }) => {
  console.log(`${seq} request ${request}: ${type} ${JSON.stringify(what)}`);
});
pool.events$.pipe(filter(({ type }) => type === 'large-page-split')).subscribe(() => {
  console.log('  ^ the direct map lost a large page');
});

const ring = pool.alloc_pages(3, { owner: 'hv_util: heartbeat ring' });
const before = pool.state;
pool.free(ring.allocation);

console.log(`shared pages then ${before.counters.sharedPages}, now ${pool.state.counters.sharedPages}`);
