/**
 * Open a log, look at any moment of it, find the event that shared most, and ask what another policy would have made of the rest.
 * Run: npx -y pnpm@10.34.9 exec tsx examples/time-travel.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  diffLogs,
  eventsOf,
  forkLog,
  netvsc,
  openLog,
  policyOf,
  requestsHash,
  runPolicy,
  verifyLog,
} from '@decpool/bench';
import { platformNamed } from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';
import { filter, lastValueFrom, reduce } from 'rxjs';

const folder = await mkdtemp(join(tmpdir(), 'decpool-'));
const workload = netvsc.generate({ nics: 2, cycles: 2, seed: 1 });
const path = join(folder, 'linux-7.3.arrow');
await runPolicy({
  workload,
  memory: freshBoot(4 * 2 ** 30),
  platform: platformNamed('snp'),
  policy: policyNamed('linux-7.3'),
  seed: 1,
  requests: requestsHash(workload),
  log: { path, format: 'arrow' },
});

const log = await openLog(path);

// Any moment: nothing is folded but what lies between it and the keyframe before it.
for (const events of [0, Math.floor(log.events / 2), log.events]) {
  const { splits2M, sharedPages } = (await log.seek(events)).counters;
  console.log(`after ${events} events: ${sharedPages} pages shared, ${splits2M} 2M pages split`);
}

// The events as a stream, for operators of your own.
const largest = await lastValueFrom(
  eventsOf(log).pipe(
    filter((event) => event.type === 'pages-decrypted'),
    reduce((most, event) => (event.pages > most.pages ? event : most)),
  ),
);
console.log(`largest conversion: event ${largest.seq}, ${largest.pages} pages at pfn ${largest.pfn}`);

// What if: the same requests from the middle on, under another policy.
const fork = join(folder, 'what-if.arrow');
const policy = { name: 'first-fit+block+immediate', factory: policyNamed('first-fit+block+immediate') };
const { keptRequests } = await forkLog(log, {
  event: Math.floor(log.events / 2),
  policy,
  out: { path: fork, format: 'arrow' },
});
const other = await openLog(fork);
const { metrics } = await diffLogs(log, other);
const [before, after] = metrics.find(([{ id }]) => id === 'splits-2m') ?? [];
console.log(
  `from request ${keptRequests + 1} on under ${policy.name}: ${before?.value} splits become ${after?.value}`,
);

const checks = await verifyLog(fork, { every: 1000, policy: (header) => policyOf(header) });
for (const { name, verdict } of checks) console.log(`  ${name}: ${verdict}`);

await Promise.all([log.close(), other.close()]);
await rm(folder, { recursive: true });
