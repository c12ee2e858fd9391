/** A pool watched, a run logged and replayed, and policies compared: by the published packages alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compare,
  comparisonText,
  eventsOf,
  netvsc,
  openLog,
  type RunResult,
  replay,
  requestsHash,
  resultsOf,
  runPolicy,
  verifyLog,
} from '@decpool/bench';
import { InputError, type PoolEvent, platformNamed, viewOf } from '@decpool/model';
import { fragmented, freshBoot, type PolicyFactory, Pool, policyNamed } from '@decpool/pool';
import { count, filter, lastValueFrom, type Observable } from 'rxjs';
import busiestBlock from './busiest-block.ts';

const GIB = 2 ** 30;

const pool = new Pool({
  memory: freshBoot(4 * GIB),
  platform: platformNamed('snp'),
  policy: policyNamed('first-fit+block+immediate'),
});
const events$: Observable<PoolEvent> = pool.events$;
events$
  .pipe(filter((event) => event.type === 'large-page-split'))
  .subscribe(({ seq }) => console.log(`event ${seq}: the direct map lost a large page`));
const ring = pool.alloc_pages(3, { owner: 'hv_util: heartbeat ring' });
const view = viewOf(pool.state);
console.log(
  `${view.counter('sharedPages')} pages shared, ${view.allocation(ring.allocation).pages} of them used`,
);
pool.free(ring.allocation);

const workload = netvsc.generate({ nics: 2, cycles: 2, seed: 1 });
const folder = await mkdtemp(join(tmpdir(), 'decpool-consumer-'));
const path = join(folder, 'run.ndjson');
const own: PolicyFactory = busiestBlock;
const run: RunResult = await runPolicy({
  workload,
  memory: freshBoot(4 * GIB),
  platform: platformNamed('tdx'),
  policy: own,
  seed: 1,
  requests: requestsHash(workload),
  log: { path, format: 'ndjson' },
});
const replayed = await replay(path);
console.log(`same state as the run: ${replayed.stateHash === run.stateHash}`);
const log = await openLog(path);
console.log(`${await lastValueFrom(eventsOf(log).pipe(count()))} events in the log`);
await log.close();
for (const { name, verdict } of await verifyLog(path, { every: 0 })) console.log(`${name}: ${verdict}`);
await rm(folder, { recursive: true });

const comparison = await compare({
  name: 'netvsc on fragmented memory',
  workload,
  memory: fragmented(4 * GIB, 0.8, 1),
  platform: platformNamed('snp'),
  policies: ['linux-7.3', 'decpool'],
  seeds: [1, 2],
  notes: [],
});
const splits = comparison.policies[0]?.metrics.find(({ metric }) => metric.id === 'splits-2m');
console.log(`linux-7.3: ${splits?.spread.median ?? 'no'} splits`);
console.log(comparisonText(resultsOf(comparison, 'examples/consumer'), { columns: 100, isColoured: false }));

try {
  policyNamed('no-such-policy');
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.log(error.message);
}
