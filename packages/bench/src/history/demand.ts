/** What the requests of a trace ask for at each frame: the same under every policy. */
import type { EventBatch, LogHeader } from '@decpool/model';
import { RequestsInLog } from '@decpool/model/internal';
import { LiveBytes } from '../bounds/lower.ts';
import { finestStride, laterOf, mostOf, stepsOf } from './frames.ts';
import { LifetimesByOwner } from './owner-lifetimes.ts';
import type { OwnerLifetimes } from './types.ts';

export interface Demand {
  readonly stride: number;
  readonly leastBlocks: readonly number[];
  readonly askedBytes: readonly number[];
  readonly lifetimes: readonly OwnerLifetimes[];
}

/** Reads the demand out of any log of the trace. */
export class DemandRecorder {
  readonly #requests: number;
  readonly #stride: number;
  readonly #isShared: boolean;
  readonly #live: LiveBytes;
  readonly #inLog = new RequestsInLog();
  readonly #lifetimes = new LifetimesByOwner();
  readonly #leastBlocks: number[] = [0];
  readonly #askedBytes: number[] = [0];
  #done = 0;
  #most = 0;

  constructor({ geometry, platform }: LogHeader, requests: number) {
    this.#requests = requests;
    this.#stride = finestStride(requests);
    this.#isShared = platform.confidential;
    this.#live = new LiveBytes(geometry.pagesPerBlock * 2 ** geometry.pageShift);
  }

  observe(batch: EventBatch): void {
    for (const { request } of this.#inLog.in(batch)) {
      this.#live.serve(request);
      if (request.kind === 'allocate') this.#lifetimes.allocate(request);
      else if (request.kind === 'free') this.#lifetimes.free(request.allocation, request.time);
      // Outside a confidential VM nothing is shared.
      if (this.#isShared) this.#most = Math.max(this.#most, this.#live.leastBlocks());
      this.#done++;
      if (this.#done % this.#stride === 0 && this.#done < this.#requests) this.#endFrame();
    }
  }

  finish(): Demand {
    while (this.#askedBytes.length <= stepsOf(this.#requests, this.#stride)) this.#endFrame();
    return {
      stride: this.#stride,
      leastBlocks: this.#leastBlocks,
      askedBytes: this.#askedBytes,
      lifetimes: this.#lifetimes.lifetimes(),
    };
  }

  #endFrame(): void {
    const now = this.#isShared ? this.#live.leastBlocks() : 0;
    this.#leastBlocks.push(Math.max(this.#most, now));
    this.#askedBytes.push(this.#live.bytes);
    this.#most = 0;
  }
}

/** The demand at a stride that is a power of two times its own. */
export function demandAtStride(demand: Demand, stride: number): Demand {
  let { stride: own, leastBlocks, askedBytes } = demand;
  for (; own < stride; own *= 2) {
    leastBlocks = mostOf(leastBlocks);
    askedBytes = laterOf(askedBytes);
  }
  return { ...demand, stride: own, leastBlocks, askedBytes };
}
