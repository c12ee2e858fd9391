/** A small guest in plain arrays, for specs of a pool's parts: no engine and no page allocator, and every call is written down. */
import {
  type AllocateRequest,
  type AllocationId,
  allocationId,
  type Extent,
  nanoseconds,
  type Pfn,
  platformNamed,
  type StateView,
  pfn as toPfn,
  x86Geometry,
} from '@decpool/model';
import { checkGeometry, type GranulePages } from '@decpool/model/internal';
import type { BlockRange, ConversionResult, Policy, Recorder } from './policy.ts';

export const BLOCK = 64;
export const BLOCKS = 8;
const PAGES = BLOCK * BLOCKS;
const ALL: BlockRange = { firstBlock: 0, endBlock: BLOCKS };

const FACTS = ['claimed', 'shared', 'allocated', 'leaked'] as const;
type Fact = (typeof FACTS)[number];

interface GuestOptions {
  readonly granulePages?: GranulePages;
  readonly platform?: 'snp' | 'none';
}

/** All its memory is free at first. The page allocator gives out the lowest free chunk. */
export class PlainGuest {
  readonly geometry = checkGeometry({ ...x86Geometry(PAGES), pagesPerBlock: BLOCK });
  readonly view: StateView;
  readonly record: Recorder;
  /** What the next conversions come to; those after them work. */
  results: ConversionResult[] = [];
  time = 0;
  /** Whether the caller may sleep. */
  mayConvert = true;
  /** The zones that the request may use. */
  zones: readonly BlockRange[] = [ALL];
  readonly is: Readonly<Record<Fact, boolean[]>> = {
    claimed: new Array(PAGES).fill(false),
    shared: new Array(PAGES).fill(false),
    allocated: new Array(PAGES).fill(false),
    leaked: new Array(PAGES).fill(false),
  };
  readonly #byOthers = new Array<boolean>(PAGES).fill(false);
  readonly #extents = new Map<AllocationId, Extent[]>();
  readonly #log: string[] = [];
  #allocation = allocationId(0);
  #last = 0;

  constructor({ granulePages = 1, platform = 'snp' }: GuestOptions = {}) {
    const guest = this;
    const extentsOf = (id: AllocationId) => this.#extents.get(id) ?? [];
    this.view = {
      geometry: this.geometry,
      platform: { ...platformNamed(platform), granulePages },
      pagesOf: (fact: Fact, block: number) =>
        this.is[fact].slice(block * BLOCK, (block + 1) * BLOCK).filter(Boolean).length,
      firstWhereNot: (fact: Fact, value: boolean, start: number, pages: number) => {
        const at = this.is[fact].slice(start, start + pages).indexOf(!value);
        return at === -1 ? -1 : start + at;
      },
      allocation: (id: AllocationId) => ({ extents: extentsOf(id) }),
      extentCount: (id: AllocationId) => extentsOf(id).length,
      extentPfn: (id: AllocationId) => extentsOf(id)[0].pfn,
      extentPages: (id: AllocationId) => extentsOf(id)[0].pages,
    } as unknown as StateView;
    this.record = {
      get mayConvert() {
        return guest.mayConvert;
      },
      get time() {
        return guest.time;
      },
      get zones() {
        return guest.zones;
      },
      get reach() {
        return {
          firstBlock: Math.min(...guest.zones.map(({ firstBlock }) => firstBlock)),
          endBlock: Math.max(...guest.zones.map(({ endBlock }) => endBlock)),
        };
      },
      claim: (order: number) => this.#claim(2 ** order),
      giveBack: (start: Pfn, pages: number) => {
        this.#expect(start, pages, { claimed: true, shared: false, allocated: false, leaked: false });
        this.#set('claimed', start, pages, false);
        this.#log.push(`back ${start}+${pages}`);
      },
      decrypt: (start: Pfn, pages: number) => this.#convert('share', start, pages, true),
      encrypt: (start: Pfn, pages: number) => this.#convert('private', start, pages, false),
      allocate: (start: Pfn, pages: number) => {
        this.#expect(start, pages, {
          ...{ claimed: true, allocated: false, leaked: false },
          ...(platform === 'snp' ? { shared: true } : {}),
        });
        this.#set('allocated', start, pages, true);
        this.#extents.set(this.#allocation, [...extentsOf(this.#allocation), { pfn: start, pages }]);
        this.#log.push(`give ${start}+${pages}`);
      },
      free: (start: Pfn, pages: number) => {
        const [first, ...others] = extentsOf(this.#allocation);
        if (first?.pfn !== start || first.pages !== pages) throw new Error(`${start}+${pages} is not next`);
        this.#set('allocated', start, pages, false);
        this.#extents.set(this.#allocation, others);
        this.#log.push(`free ${start}+${pages}`);
      },
      fail: (reason: string) => {
        if (extentsOf(this.#allocation).length > 0) throw new Error('a refused request holds pages');
        this.#log.push(reason);
      },
      refilled: (pages: number) => this.#log.push(`refilled ${pages}`),
    } as unknown as Recorder;
  }

  /** Others take these pages from the page allocator. */
  othersTake(start: number, pages: number): void {
    this.#expect(start, pages, { claimed: false });
    this.#byOthers.fill(true, start, start + pages);
  }

  /** Others give these pages back. */
  othersFree(start: number, pages: number): void {
    this.#byOthers.fill(false, start, start + pages);
  }

  request(
    pages: number,
    { api = 'alloc_pages', owner = 'x' }: { api?: AllocateRequest['api']; owner?: string } = {},
  ): AllocateRequest {
    const allocation = allocationId(++this.#last);
    return {
      kind: 'allocate',
      time: nanoseconds(this.time),
      ...{ allocation, api, pages, bytes: pages * 4096, owner },
    };
  }

  /** What happens as the policy serves a request; its allocation has the next number, from 1. */
  allocate(policy: Policy, request: AllocateRequest): string[] {
    this.#allocation = request.allocation;
    policy.allocate(request, this.view, this.record);
    return this.takeLog();
  }

  /** What happens as the policy frees an allocation. */
  free(policy: Policy, allocation: number): string[] {
    this.#allocation = allocationId(allocation);
    policy.free(
      { kind: 'free', time: nanoseconds(this.time), allocation: this.#allocation },
      this.view,
      this.record,
    );
    if (this.view.extentCount(this.#allocation) > 0) throw new Error('an allocation is not freed as a whole');
    return this.takeLog();
  }

  /** What happened since it was last asked. */
  takeLog(): string[] {
    return this.#log.splice(0);
  }

  #claim(pages: number): Pfn | -1 {
    for (const { firstBlock, endBlock } of this.zones) {
      for (let at = firstBlock * BLOCK; at + pages <= endBlock * BLOCK; at++) {
        const isFree = (page: number) => !this.is.claimed[page] && !this.#byOthers[page];
        if (at % pages !== 0 || !Array.from({ length: pages }, (_, page) => at + page).every(isFree))
          continue;
        this.#set('claimed', at, pages, true);
        this.#log.push(`claim ${at}+${pages}`);
        return toPfn(at);
      }
    }
    return -1;
  }

  #convert(what: string, start: number, pages: number, to: boolean): ConversionResult {
    if (!this.mayConvert) throw new Error('a conversion for a caller that may not sleep');
    if (!this.view.platform.confidential) return 'converted';
    this.#expect(start, pages, { claimed: true, shared: !to, allocated: false, leaked: false });
    const unit = this.view.platform.granulePages;
    if (start % unit !== 0 || pages % unit !== 0)
      throw new Error(`${start}+${pages} is not of whole granules`);
    const result = this.results.shift() ?? 'converted';
    this.#log.push(`${what} ${start}+${pages}${result === 'converted' ? '' : `: ${result}`}`);
    if (result === 'leaked') this.#set('leaked', start, pages, true);
    if (result !== 'private') this.#set('shared', start, pages, to || result === 'leaked');
    return result;
  }

  #expect(start: number, pages: number, wanted: Partial<Record<Fact, boolean>>): void {
    for (const fact of FACTS) {
      for (let page = start; page < start + pages; page++) {
        if (wanted[fact] === undefined || this.is[fact][page] === wanted[fact]) continue;
        throw new Error(`page ${page} of ${start}+${pages} is ${wanted[fact] ? 'not ' : ''}${fact}`);
      }
    }
  }

  #set(fact: Fact, start: number, pages: number, to: boolean): void {
    this.is[fact].fill(to, start, start + pages);
  }
}

/** What somebody asks of a policy on a guest, and what happens with it. */
export function askerOf(guest: PlainGuest, policy: Policy) {
  const allocate = (api: 'alloc_pages' | 'vmalloc', pages: number, mayConvert = true): string[] => {
    guest.mayConvert = mayConvert;
    const steps = guest.allocate(policy, guest.request(pages, { api }));
    guest.mayConvert = true;
    return steps;
  };
  return {
    guest,
    pages: (pages: number) => allocate('alloc_pages', pages),
    /** For a caller that may not sleep. */
    atomic: (pages: number) => allocate('alloc_pages', pages, false),
    vmalloc: (pages: number) => allocate('vmalloc', pages),
    atomicVmalloc: (pages: number) => allocate('vmalloc', pages, false),
    /** The allocations are 1, 2 and so on, refused ones too. */
    free: (allocation: number) => guest.free(policy, allocation),
    work() {
      policy.work?.(guest.view, guest.record);
      return guest.takeLog();
    },
    /** Others have all memory but for these pages. */
    leave(...free: (readonly [start: number, pages: number])[]) {
      let at = 0;
      for (const [start, pages] of [...free, [PAGES, 0] as const]) {
        guest.othersTake(at, start - at);
        at = start + pages;
      }
    },
  };
}
