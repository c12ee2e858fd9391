/** Other users of the page allocator: chunks that they take and give back. */
import type { BackgroundRequest, Pfn } from '@decpool/model';
import { attributesOf } from '@decpool/model/internal';
import type { EventRecorder } from './event-recorder.ts';
import type { SupervisedPolicy } from './supervised-policy.ts';

export class BackgroundUsers {
  readonly #recorder: EventRecorder;
  readonly #policy: SupervisedPolicy;
  /** By key. */
  readonly #chunks = new Map<number, { readonly pfn: Pfn; readonly order: number }>();
  /** Number of each refused chunk, by key. */
  readonly #refused = new Map<number, number>();
  #refusals = 0;

  constructor(recorder: EventRecorder, policy: SupervisedPolicy) {
    this.#recorder = recorder;
    this.#policy = policy;
  }

  /** Whether others hold a chunk of this key, or were refused it and have not freed it yet. */
  holds(key: number): boolean {
    return this.#chunks.has(key) || this.#refused.has(key);
  }

  serve(request: BackgroundRequest): void {
    if (request.kind === 'background-free') this.#free(request);
    else this.#allocate(request);
  }

  #allocate({ key, order, migratetype }: Extract<BackgroundRequest, { order: number }>): void {
    let pfn = this.#recorder.claimForOthers(order, migratetype);
    // Direct reclaim calls the shrinkers before the request fails (__alloc_pages_direct_reclaim(), mm/page_alloc.c).
    if (pfn === -1 && this.#policy.shrink()) pfn = this.#recorder.claimForOthers(order, migratetype);
    if (pfn !== -1) {
      this.#chunks.set(key, { pfn, order });
      return;
    }
    this.#refusals++;
    this.#refused.set(key, this.#refusals);
    this.#recorder.refuseOthers({ chunk: this.#refusals, pages: 1 << order, migratetype });
  }

  #free({ key, cpu = 0 }: Extract<BackgroundRequest, { kind: 'background-free' }>): void {
    const chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      this.#recorder.emit.requestSkipped({
        allocation: this.#refused.get(key) ?? 0,
        what: 'background-free',
        attributes: attributesOf({ cpu }),
      });
      this.#refused.delete(key);
      return;
    }
    this.#chunks.delete(key);
    this.#recorder.giveBackForOthers(chunk.pfn, chunk.order);
  }
}
