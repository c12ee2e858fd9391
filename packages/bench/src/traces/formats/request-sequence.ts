import { MAX_PAGE_ORDER } from '@decpool/model';
import { PAGE_SIZE } from '../../workloads/workload.ts';
import type { LineReader, TraceFormat } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';

/** The file has an order but no times. Any steady interval will do; this one is easy to read in a report. */
const INTERVAL_NS = 1_000_000n;

/** `a ID ORDER` allocates, `f ID ORDER` frees it; a `#` starts a comment line. */
export const requestSequence: TraceFormat = {
  name: 'request-sequence',
  description: 'Page allocations and frees by order, as a test module made them.',
  example: 'a 17 3',
  recognises: (text) => LINE.test(text),
  reader: (into, name) => new RequestSequenceReader(into, name),
};

const LINE = /^([af]) (\d{1,15}) (\d{1,2})\s*$/;

class RequestSequenceReader implements LineReader {
  readonly #into: TraceRequests;
  readonly #owner: string;
  readonly #orderOf = new Map<number, number>();
  #requests = 0n;

  constructor(into: TraceRequests, owner: string) {
    this.#into = into;
    this.#owner = owner;
    into.note('The file has no times. Requests are 1 ms of simulated time apart.');
  }

  read(text: string, line: number): void {
    if (text.startsWith('#')) {
      this.#into.ignore('comments');
    } else if (text.trim() === '') {
      this.#into.ignore('blank lines');
    } else {
      const problem = this.#take(LINE.exec(text));
      if (problem !== undefined) this.#into.unparsed(line, text, problem);
    }
  }

  /** Returns the error of the line, if there is one. */
  #take(match: RegExpExecArray | null): string | undefined {
    if (match === null) return 'expected a ID ORDER or f ID ORDER';
    const [, verb, idText, orderText] = match;
    const id = Number(idText);
    const order = Number(orderText);
    if (order > MAX_PAGE_ORDER) return `order ${order} is above ${MAX_PAGE_ORDER}, the highest there is`;
    const allocated = this.#orderOf.get(id);
    if (verb === 'f' && allocated !== undefined && allocated !== order) {
      return `${id} was allocated with order ${allocated}`;
    }
    const at = INTERVAL_NS * this.#requests++;
    if (verb === 'f') {
      this.#into.free(id, at);
      this.#orderOf.delete(id);
      return;
    }
    const pages = 2 ** order;
    this.#into.allocate(id, at, { api: 'alloc_pages', pages, bytes: pages * PAGE_SIZE, owner: this.#owner });
    this.#orderOf.set(id, order);
    return;
  }

  end(): void {}
}
