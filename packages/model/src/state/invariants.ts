/**
 * The invariants as code: recounts everything a state counts from its pages and allocations, and looks for states
 * that no page can be in. Slow on purpose: it shares nothing with the reducer but the layout.
 */
import type { MappingRun } from '../memory-state.ts';
import { type AllocationId, blockIndex, type Pfn, pfn as toPfn } from '../units.ts';
import type { CounterName } from './counters.ts';
import type { Extent, StateView } from './view.ts';

/**
 * Every rule that the state breaks, one sentence each; empty if it is sound. mapped4KPages is checked only if the initial direct
 * map is given: a state does not know how much of a block with 4K entries is RAM.
 */
export function brokenInvariants(view: StateView, directMap?: readonly MappingRun[]): string[] {
  const broken: string[] = [];
  const pages = recount(view, broken);
  expectCounters(view, pages, broken);
  expectCounters(view, checkAllocations(view, broken), broken);
  const counter = (name: CounterName) => view.counter(name);
  checkSplitBlocks(view, broken);
  const pageTablePages = counter('splits2M') + counter('splits1G') - counter('restores2M');
  expectCounters(view, { owners: view.owners.length, pageTablePages }, broken);
  expectCounters(view, checkSlabs(view, broken), broken);
  if (directMap !== undefined) {
    // Splits and restores move pages between the levels, and nothing else does.
    const ram = directMap.reduce((sum, [, count, level]) => sum + (level === 0 ? 0 : count), 0);
    expectCounters(view, { mapped4KPages: ram - pages.mapped2MPages - pages.mapped1GPages }, broken);
  }
  // Each counts events of a type of its own.
  const counted = EVENT_COUNTERS.reduce((sum, name) => sum + counter(name), 0);
  if (counter('events') < counted)
    broken.push(`${counter('events')} events cannot make counts of ${counted}`);
  return broken;
}

const EVENT_COUNTERS = [
  'requests',
  'failedRequests',
  'owners',
  'extents',
  'splits2M',
  'splits1G',
  'restores2M',
  'conversions',
  'failedConversions',
  'splits32M',
  'splits64K',
  'slabs',
  'refills',
  'compactions',
] as const;

type Expected = Readonly<Partial<Record<CounterName, number>>>;

function expectCounters(view: StateView, expected: Expected, broken: string[]): void {
  for (const [name, value] of Object.entries(expected)) {
    const counted = view.counter(name as CounterName);
    if (counted !== value) broken.push(`counter ${name} is ${counted}, a recount gives ${value}`);
  }
}

const FACTS = ['claimed', 'shared', 'unknown', 'allocated', 'leaked'] as const;

function recount(view: StateView, broken: string[]) {
  const { geometry, platform } = view;
  const counts = {
    claimedPages: 0,
    sharedPages: 0,
    unknownPages: 0,
    leakedPages: 0,
    sharedBlocks: 0,
    touchedBlocks: 0,
    mixedBlocks: 0,
    borders: 0,
    mapped2MPages: 0,
    mapped1GPages: 0,
  };
  let previousIsPrivate = false;
  for (let block = 0; block < view.blocks; block++) {
    const figures = view.block(blockIndex(block));
    const first = block * geometry.pagesPerBlock;
    if (figures.touched) counts.touchedBlocks++;
    if (figures.level === 2) counts.mapped2MPages += geometry.pagesPerBlock;
    if (figures.level === 3) counts.mapped1GPages += geometry.pagesPerBlock;
    if (figures.claimed + figures.shared + figures.unknown + figures.allocated + figures.leaked === 0) {
      // A block nobody uses: 512 private pages (or a hole), unless a bitmap disagrees with its count.
      for (const fact of FACTS) {
        if (view.firstWhereNot(fact, false, toPfn(first), geometry.pagesPerBlock) !== -1) {
          broken.push(`block ${block} counts no ${fact} page but has one`);
        }
      }
      previousIsPrivate = figures.level !== 0;
      continue;
    }
    const seen = { claimed: 0, shared: 0, unknown: 0, allocated: 0, leaked: 0 };
    for (let page = first; page < first + geometry.pagesPerBlock; page++) {
      const at = toPfn(page);
      const [claimed, shared, unknown, allocated, leaked] = FACTS.map((fact) => {
        const holds = view.is(fact, at);
        seen[fact] += Number(holds);
        return holds;
      });
      if (shared && unknown) broken.push(`page ${page} is both shared and unknown`);
      if ((shared || unknown || allocated || leaked) && !claimed) {
        broken.push(`page ${page} is in use but not claimed`);
      }
      if (leaked && !unknown) broken.push(`page ${page} is leaked but not unknown`);
      if (allocated && (unknown || leaked)) broken.push(`page ${page} is allocated though unknown or leaked`);
      if (allocated && platform.confidential && !shared) broken.push(`page ${page} is allocated but private`);
      const isExposed = shared || unknown;
      if (isExposed && previousIsPrivate) counts.borders++;
      previousIsPrivate = !isExposed && figures.level !== 0;
    }
    for (const fact of FACTS) {
      if (seen[fact] !== figures[fact]) {
        broken.push(`block ${block} counts ${figures[fact]} ${fact} pages, a recount gives ${seen[fact]}`);
      }
    }
    counts.claimedPages += seen.claimed;
    counts.sharedPages += seen.shared;
    counts.unknownPages += seen.unknown;
    counts.leakedPages += seen.leaked;
    const exposed = seen.shared + seen.unknown;
    if (exposed > 0) counts.sharedBlocks++;
    if (exposed > 0 && exposed < geometry.pagesPerBlock) counts.mixedBlocks++;
    if (platform.directMap === 'contiguous') checkEntries(view, toPfn(first), broken);
    if (platform.directMap !== 'split') continue;
    if (exposed > 0 && figures.level === 3) {
      checkWholeRegion(view, toPfn(first), broken);
    } else if (exposed > 0 && exposed < geometry.pagesPerBlock && figures.level !== 1) {
      broken.push(`block ${block} is mixed but mapped by a large page`);
    }
  }
  return counts;
}

/** A split block is mapped by 4K entries, and there are as many of them as splits that no restore has undone. */
function checkSplitBlocks(view: StateView, broken: string[]): void {
  let split = 0;
  for (let block = 0; block < view.blocks; block++) {
    if (!view.wasSplit(blockIndex(block))) continue;
    split++;
    const level = view.levelAt(toPfn(block * view.geometry.pagesPerBlock));
    if (level !== 1) broken.push(`block ${block} was split but is mapped at level ${level}`);
  }
  const left = view.counter('splits2M') - view.counter('restores2M');
  if (split !== left) broken.push(`${split} blocks are split, splits less restores are ${left}`);
}

/** An entry, or a run of contiguous ones, has one set of attributes: its pages are all private, shared or unknown. */
function checkEntries(view: StateView, first: Pfn, broken: string[]): void {
  const end = first + view.geometry.pagesPerBlock;
  for (let page: number = first; page < end; ) {
    const at = toPfn(page);
    const size = view.entryPagesAt(at);
    const base = toPfn(page - (page % size));
    for (const fact of ['shared', 'unknown'] as const) {
      const wrong = view.firstWhereNot(fact, view.is(fact, at), base, size);
      if (wrong !== -1) broken.push(`page ${wrong} differs from page ${page}, which the same entry maps`);
    }
    page = base + size;
  }
}

/** A 1G entry has one set of attributes, so its pages are all private, all shared or all in an unknown state. */
function checkWholeRegion(view: StateView, page: Pfn, broken: string[]): void {
  const size = view.geometry.pagesPerBlock * view.geometry.blocksPerRegion;
  const base = toPfn(page - (page % size));
  const fact = view.is('unknown', page) ? 'unknown' : 'shared';
  const wrong = view.firstWhereNot(fact, true, base, size);
  if (wrong !== -1) broken.push(`page ${wrong} is not ${fact} inside a 1G page that is`);
}

/** Looks at each allocation and its pages; returns what the counters of them all must be. */
function checkAllocations(view: StateView, broken: string[]): Expected {
  const held: HeldExtent[] = [];
  const lastAllocation = view.counter('lastAllocation');
  let known = 0;
  const counts = {
    requests: lastAllocation + view.counter('userMapRequests'),
    failedRequests: 0,
    liveAllocations: 0,
    livePages: 0,
    liveBytes: 0,
    liveObjects: 0,
    vmAreaPages: 0,
    userMappings: 0,
  };
  for (const id of view.allocations()) {
    known++;
    const allocation = view.allocation(id);
    const { status } = allocation;
    if (status === 'failed') counts.failedRequests++;
    if (status === 'freeing' || status === 'freed' || status === 'reclaiming') counts.requests++;
    counts.userMappings += allocation.userMappings;
    if (allocation.userMappings > 0 && status !== 'live') {
      broken.push(`allocation ${id} is ${status} but mapped into user space`);
    }
    const isHeld = status === 'live' || status === 'freeing';
    if (allocation.isMapped && !isHeld)
      broken.push(`allocation ${id} is ${status} but mapped in a vmalloc area`);
    if (allocation.object !== undefined) {
      counts.liveObjects++;
      if (!isHeld) broken.push(`allocation ${id} is ${status} but an object`);
      if (view.slab(allocation.object.slab) === undefined) {
        broken.push(`allocation ${id} is an object in slab ${allocation.object.slab}, which is not there`);
      }
    }
    if (isHeld) {
      counts.liveAllocations++;
      counts.liveBytes += allocation.bytes;
    } else if (allocation.extents.length > 0 && status !== 'reclaiming') {
      broken.push(`allocation ${id} is ${status} but holds pages`);
    }
    if (allocation.bytes > allocation.pages * 2 ** view.geometry.pageShift) {
      broken.push(`allocation ${id} has ${allocation.bytes} bytes in ${allocation.pages} pages`);
    }
    const [next] = allocation.extents;
    if (next !== undefined && (next.pfn !== view.extentPfn(id) || next.pages !== view.extentPages(id))) {
      broken.push(`allocation ${id} frees other pages next than its first extent`);
    }
    for (const extent of allocation.extents) {
      counts.livePages += extent.pages;
      if (allocation.isMapped) counts.vmAreaPages += extent.pages;
      const wrong = view.firstWhereNot('allocated', true, extent.pfn, extent.pages);
      if (wrong !== -1) broken.push(`page ${wrong} of allocation ${id} is not allocated`);
      held.push({ id, ...extent });
    }
  }
  counts.requests += lastAllocation - known;
  checkOverlaps(held, broken);
  let allocated = 0;
  for (let block = 0; block < view.blocks; block++) allocated += view.pagesOf('allocated', blockIndex(block));
  const inSlabs = view.counter('slabPages');
  const { livePages } = counts;
  if (allocated !== livePages + inSlabs) {
    broken.push(`${allocated} pages are allocated, allocations hold ${livePages} and slabs ${inSlabs}`);
  }
  const made = view.counter('extents');
  if (made < held.length) {
    broken.push(`${made} extents were ever allocated, allocations hold ${held.length}`);
  }
  return counts;
}

interface HeldExtent extends Extent {
  readonly id: AllocationId;
}

/** No page is in two allocations. */
function checkOverlaps(held: HeldExtent[], broken: string[]): void {
  held.sort((a, b) => a.pfn - b.pfn || a.id - b.id);
  let last: HeldExtent | undefined;
  for (const extent of held) {
    if (last !== undefined && extent.pfn < last.pfn + last.pages) {
      broken.push(`page ${extent.pfn} is in allocations ${last.id} and ${extent.id}`);
    }
    if (last === undefined || extent.pfn + extent.pages > last.pfn + last.pages) last = extent;
  }
}

/** Looks at each slab and the objects in it; returns what the counters of them all must be. */
function checkSlabs(view: StateView, broken: string[]): Expected {
  /** Allocations by `slab:unit`. */
  const users = new Map<string, number>();
  const used = new Map<number, number>();
  for (const id of view.allocations()) {
    const { object } = view.allocation(id);
    if (object === undefined) continue;
    used.set(object.slab, (used.get(object.slab) ?? 0) + object.units);
    for (let unit = object.unit; unit < object.unit + object.units; unit++) {
      const other = users.get(`${object.slab}:${unit}`);
      if (other !== undefined) {
        broken.push(`unit ${unit} of slab ${object.slab} is in allocations ${other} and ${id}`);
      }
      users.set(`${object.slab}:${unit}`, id);
    }
  }
  let liveSlabs = 0;
  let slabPages = 0;
  for (let number = 1; number <= view.counter('slabs'); number++) {
    const slab = view.slab(number);
    if (slab === undefined) continue;
    liveSlabs++;
    slabPages += slab.pages;
    if (slab.usedUnits !== (used.get(number) ?? 0)) {
      broken.push(
        `slab ${number} counts ${slab.usedUnits} used units, its objects take ${used.get(number) ?? 0}`,
      );
    }
    if (view.firstWhereNot('allocated', true, slab.pfn, slab.pages) !== -1) {
      broken.push(`slab ${number} has a page that is not allocated`);
    }
  }
  return { liveSlabs, slabPages };
}
