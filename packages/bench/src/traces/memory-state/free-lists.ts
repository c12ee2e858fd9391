/** The free lists of the page allocator, from copies of /proc/buddyinfo and /proc/pagetypeinfo (mm/vmstat.c). */
import { InputError, MAX_PAGE_ORDER, type Migratetype } from '@decpool/model';
import { MIGRATETYPES, type ZoneState } from '@decpool/model/internal';
import { type ProcFiles, type ProcLine, procLines, zoneLabel } from './proc-files.ts';

const ORDERS = MAX_PAGE_ORDER + 1;

export type ZoneFreeLists = Pick<ZoneState, 'name' | 'free' | 'pageblocks'> & { readonly node: number };

/**
 * The zones, in the order of buddyinfo. Adds a sentence to `warnings` if the two files disagree. Throws InputError with file
 * and line.
 */
export function readFreeLists(files: ProcFiles, warnings: string[]): ZoneFreeLists[] {
  const totals = readBuddyinfo(files);
  const { free, pageblocks } = readPagetypeinfo(files);
  const zones = [...totals].map(([label, { node, name, counts }]) => {
    const [zoneFree, zonePageblocks] = [free.get(label), pageblocks.get(label)];
    if (zoneFree === undefined || zonePageblocks === undefined) {
      const missing = zoneFree === undefined ? 'no' : "no 'Number of blocks type' line for";
      throw new InputError(`${files.pathOf('pagetypeinfo')}: ${missing} ${label}, which buddyinfo has`);
    }
    return { name, node, free: uncap(label, zoneFree, counts, warnings), pageblocks: zonePageblocks };
  });
  const other = [...free.keys()].find((label) => !totals.has(label));
  if (other !== undefined) {
    throw new InputError(`${files.pathOf('buddyinfo')}: no ${other}, which pagetypeinfo has`);
  }
  return zones;
}

/** Free chunks by order, of each zone. Keys are zone labels. */
function readBuddyinfo(files: ProcFiles) {
  const zones = new Map<string, { node: number; name: string; counts: number[] }>();
  for (const line of procLines(files, 'buddyinfo')) {
    if (line.text.trim() === '') continue;
    const match = /^Node (\d+), zone\s+(\w+)\s+([\d\s]+)$/.exec(line.text);
    const counts = match === null ? [] : wordsOf(match[3]).map(Number);
    if (match === null || counts.length !== ORDERS) {
      throw line.refuse(`expected 'Node N, zone NAME' and ${ORDERS} counts, got '${line.text.trim()}'`);
    }
    const [node, name] = [Number(match[1]), match[2]];
    const label = zoneLabel(node, name);
    if (zones.has(label)) throw line.refuse(`${label} a second time; expected each zone of a node once`);
    zones.set(label, { node, name, counts });
  }
  if (zones.size === 0) {
    throw new InputError(`${files.pathOf('buddyinfo')}: no zones; expected the content of /proc/buddyinfo`);
  }
  return zones;
}

/** Free chunks by order; undefined above the largest count that pagetypeinfo prints. */
type CappedCounts = (number | undefined)[];

/** Keys are zone labels. */
interface Pagetypeinfo {
  readonly free: Map<string, Record<Migratetype, CappedCounts>>;
  readonly pageblocks: Map<string, Record<Migratetype, number>>;
}

function readPagetypeinfo(files: ProcFiles): Pagetypeinfo {
  const zones: Pagetypeinfo = { free: new Map(), pageblocks: new Map() };
  let blockTypes: Migratetype[] = [];
  let isMixed = false;
  for (const line of procLines(files, 'pagetypeinfo')) {
    const header = /^Number of (blocks type|mixed blocks)\s+(.+)$/.exec(line.text);
    // With page_owner=on the kernel prints mixed blocks too. They are not used. The next node begins after them.
    if (header !== null) isMixed = header[1] === 'mixed blocks';
    else if (line.text.startsWith('Free pages count')) isMixed = false;
    if (header !== null && !isMixed) blockTypes = wordsOf(header[2]).map((name) => migratetype(line, name));
    if (isMixed || !line.text.startsWith('Node')) continue;

    const match = /^Node\s+(\d+), zone\s+(\w+)(?:, type\s+(\w+))?\s+([>\d\s]+)$/.exec(line.text);
    if (match === null) throw line.refuse(`not a line of /proc/pagetypeinfo: '${line.text.trim()}'`);
    const [, node, name, type, text] = match;
    const label = zoneLabel(Number(node), name);
    const counts = wordsOf(text);
    const expected = type === undefined ? blockTypes.length : ORDERS;
    if (counts.length !== expected) throw line.refuse(`expected ${expected} counts, got ${counts.length}`);
    if (type === undefined) {
      const pageblocks = perType((of) => Number(counts[blockTypes.indexOf(of)] ?? 0));
      zones.pageblocks.set(label, pageblocks);
    } else {
      const free = zones.free.get(label) ?? perType(() => new Array<number>(ORDERS).fill(0));
      free[migratetype(line, type)] = counts.map((count) =>
        count.startsWith('>') ? undefined : Number(count),
      );
      zones.free.set(label, free);
    }
  }
  const path = files.pathOf('pagetypeinfo');
  if (zones.free.size === 0) {
    throw new InputError(`${path}: no zones; expected the content of /proc/pagetypeinfo`);
  }
  if (blockTypes.length === 0) {
    throw new InputError(
      `${path}: no 'Number of blocks type' section with the pageblocks of each migratetype; ` +
        'expected all of /proc/pagetypeinfo',
    );
  }
  return zones;
}

const wordsOf = (text: string) => text.trim().split(/\s+/);

export const perType = <Value>(value: (type: Migratetype) => Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value(type)])) as Record<Migratetype, Value>;

function migratetype(line: ProcLine, name: string): Migratetype {
  const found = MIGRATETYPES.find((type) => type === name);
  if (found === undefined) {
    throw line.refuse(`unknown migratetype '${name}'; known: ${MIGRATETYPES.join(', ')}`);
  }
  return found;
}

/** Above this count pagetypeinfo prints `>100000`: pagetypeinfo_showfree_print(), mm/vmstat.c. */
const CAP = 100_000;

/** Fills in the capped counts: buddyinfo minus the other types. The two files are read at slightly different times. */
function uncap(
  zone: string,
  free: Readonly<Record<Migratetype, Readonly<CappedCounts>>>,
  totals: readonly number[],
  warnings: string[],
): Record<Migratetype, number[]> {
  const result = perType((type) => free[type].map((count) => count ?? 0));
  const different: string[] = [];
  for (const [order, total] of totals.entries()) {
    const known = MIGRATETYPES.reduce((sum, type) => sum + result[type][order], 0);
    const [first, ...others] = MIGRATETYPES.filter((type) => free[type][order] === undefined);
    if (first === undefined) {
      if (known !== total) different.push(`order ${order}: ${total} and ${known}`);
      continue;
    }
    result[first][order] = Math.max(0, total - known);
    const where = `In ${zone}, order ${order},`;
    if (others.length > 0) {
      warnings.push(
        `${where} pagetypeinfo caps the counts of ${[first, ...others].join(' and ')}. ${first} gets all remaining chunks.`,
      );
    } else if (total - known <= CAP) {
      warnings.push(
        `${where} pagetypeinfo counts more than ${CAP} ${first} chunks, but buddyinfo leaves only ${result[first][order]}. The count of buddyinfo is used.`,
      );
    }
  }
  if (different.length > 0) {
    warnings.push(
      `In ${zone}, buddyinfo and pagetypeinfo count different numbers of free chunks (${different.join(', ')}). The counts of pagetypeinfo are used.`,
    );
  }
  return result;
}
