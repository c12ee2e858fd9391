/**
 * One whole run, in a process of its own so that its peak memory is its own. `growth-run.js REQUESTS GIB` prints
 * one JSON line.
 */
import type { Api, Request } from '@decpool/model';
import { policyNamed } from '@decpool/pool';
import { runPolicy } from '../compare/run.ts';
import { type ChurnSettings, churnRequests } from '../workloads/churn.ts';
import type { RequestSequence } from '../workloads/requests.ts';
import { PLAIN_POLICY } from './policies.ts';
import { cpuSecondsSince, SETTING, SMALL_GIB, SPEED_PAGES, speedMemory } from './requests.ts';

/** CPU time, without that of making the requests. */
export interface GrowthRun {
  readonly requests: number;
  /** Memory of the guest. */
  readonly gib: number;
  /** Until the first 1,024 requests are served. */
  readonly startSeconds: number;
  /** Of all requests after these. */
  readonly cpuSeconds: number;
  /** Of the process, bytes. */
  readonly peakMemory: number;
}

/** Makes the requests as they are read, so that the run's memory is not theirs. Read from front to back, it makes each once. */
class ChurnSequence implements RequestSequence {
  readonly length: number;
  readonly apis: readonly Api[];
  /** Without it all requests would be made at once, to see which CPUs they name. */
  readonly cpus = 1;
  /** CPU time that it took to make them. */
  cpuSeconds = 0;
  readonly #settings: ChurnSettings;
  #requests: Iterator<Request>;
  #at = 0;

  constructor(settings: ChurnSettings) {
    this.#settings = settings;
    this.length = settings.requests;
    this.#requests = churnRequests(settings);
    // Its requests differ only in numbers.
    const first = [...churnRequests({ ...settings, requests: 1 })];
    this.apis = first.flatMap((request) => (request.kind === 'allocate' ? [request.api] : []));
  }

  slice(from: number, to: number): readonly Request[] {
    const start = process.cpuUsage();
    if (from < this.#at) this.#restart();
    while (this.#at < from) this.#next();
    const part = Array.from({ length: Math.min(to, this.length) - from }, () => this.#next());
    this.cpuSeconds += cpuSecondsSince(start);
    return part;
  }

  #next(): Request {
    this.#at++;
    return this.#requests.next().value;
  }

  #restart(): void {
    this.#requests = churnRequests(this.#settings);
    this.#at = 0;
  }
}

const WARM_UP = 100_000;

/** The live pages are the same in a guest of any size: half of those of the smallest. */
async function measuredRun(requests: number, gib: number): Promise<Omit<GrowthRun, 'peakMemory'>> {
  const memory = speedMemory(gib);
  const sequence = new ChurnSequence({ requests, livePages: SPEED_PAGES / 2, seed: 3 });
  const start = process.cpuUsage();
  let atFirst: number | undefined;
  await runPolicy({
    ...SETTING,
    workload: { name: 'churn', requests: sequence },
    memory,
    policy: policyNamed(PLAIN_POLICY),
    onProgress: () => {
      atFirst ??= cpuSecondsSince(start) - sequence.cpuSeconds;
    },
  });
  const all = cpuSecondsSince(start) - sequence.cpuSeconds;
  const startSeconds = atFirst ?? 0;
  return { requests, gib, startSeconds, cpuSeconds: all - startSeconds };
}

const [requests, gib] = process.argv.slice(2).map(Number);
// Compiled code is timed. The guest is small, so that the peak is not that of the warm-up.
await measuredRun(WARM_UP, SMALL_GIB);
const run = await measuredRun(requests, gib);
process.stdout.write(`${JSON.stringify({ ...run, peakMemory: process.resourceUsage().maxRSS * 1024 })}\n`);
