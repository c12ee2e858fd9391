/**
 * Write an event log, replay it, and ask the state at its end who still holds memory.
 * Run: npx -y pnpm@10.34.9 exec tsx examples/replay-a-log.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { netvsc, readLog, replay, requestsHash, runPolicy } from '@decpool/bench';
import {
  allocationId,
  foldBatch,
  initialState,
  machineOf,
  platformNamed,
  type State,
  viewOf,
} from '@decpool/model';
import { freshBoot, policyNamed } from '@decpool/pool';

const folder = await mkdtemp(join(tmpdir(), 'decpool-'));
const path = join(folder, 'netvsc.ndjson');
const workload = netvsc.generate({ nics: 2, cycles: 2, seed: 1 });
const run = await runPolicy({
  workload,
  memory: freshBoot(4 * 2 ** 30),
  platform: platformNamed('tdx'),
  policy: policyNamed('best-fit+block+never-return'),
  seed: 1,
  requests: requestsHash(workload),
  log: { path, format: 'ndjson' },
});

const replayed = await replay(path);
console.log(`${replayed.events} events; same state as the run: ${replayed.stateHash === run.stateHash}`);

// The log alone is enough to have the whole state again.
let state: State | undefined;
for await (const part of readLog(path)) {
  if (part.kind === 'header') state = initialState(machineOf(part.header), part.header.memory.directMap);
  if (part.kind === 'batch' && state !== undefined) state = foldBatch(state, part.batch);
}
if (state !== undefined) {
  const { livePages, sharedPages, sharedBlocks, lastAllocation } = state.counters;
  console.log(
    `${livePages} pages live, ${sharedPages} shared, in ${sharedBlocks} blocks; the largest holders:`,
  );
  const view = viewOf(state);
  const held = new Map<string, number>();
  for (let id = 1; id <= lastAllocation; id++) {
    const { status, owner, pages } = view.allocation(allocationId(id));
    if (status === 'live') held.set(owner, (held.get(owner) ?? 0) + pages);
  }
  const largest = [...held].sort(([, a], [, b]) => b - a).slice(0, 3);
  for (const [owner, pages] of largest) console.log(`  ${owner}: ${pages} pages`);
}
await rm(folder, { recursive: true });
