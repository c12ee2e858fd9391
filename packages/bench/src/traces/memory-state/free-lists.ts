/** The free lists of the page allocator, as /proc/buddyinfo and /proc/pagetypeinfo show them. */
import { InputError, MAX_PAGE_ORDER, MIGRATETYPES, type Migratetype, type ZoneState } from '@decpool/model';
import { type ProcFiles, type ProcLine, procLines, zoneLabel } from './proc-file.ts';

const ORDERS = MAX_PAGE_ORDER + 1;

export type ZoneFreeLists = Pick<ZoneState, 'name' | 'free' | 'pageblocks'> & { readonly node: number };

/** A zone of one NUMA node: every node has zones of its own. */
export interface ZoneKey {
  readonly node: number;
  readonly name: string;
}
const keyOf = ({ node, name }: ZoneKey) => `${node} ${name}`;

/**
 * The zones of `buddyinfo` and `pagetypeinfo`, in the order of buddyinfo. Adds a sentence to `warnings` if the two disagree.
 * Throws InputError with file and line.
 */
export function readFreeLists(files: ProcFiles, warnings: string[]): ZoneFreeLists[] {
  const totals = readBuddyinfo(files);
  const types = readPagetypeinfo(files);
  const zones = totals.map(({ node, name, counts }) => {
    const zone = types.get(keyOf({ node, name }));
    const missing = (what: string) =>
      new InputError(
        `${files.pathOf('pagetypeinfo')}: ${what} '${name}' of node ${node}, which buddyinfo has`,
      );
    if (zone === undefined) throw missing('no zone');
    if (zone.pageblocks === undefined) throw missing("no 'Number of blocks type' line for zone");
    const free = uncap(zoneLabel(node, name), zone.free, counts, warnings);
    return { name, node, free, pageblocks: zone.pageblocks };
  });
  for (const key of types.keys()) {
    if (totals.some((zone) => keyOf(zone) === key)) continue;
    const [node, name] = key.split(' ');
    throw new InputError(
      `${files.pathOf('buddyinfo')}: no zone '${name}' of node ${node}, which pagetypeinfo has`,
    );
  }
  return zones;
}

/** Free chunks by order, of each zone. */
function readBuddyinfo(files: ProcFiles): (ZoneKey & { readonly counts: number[] })[] {
  const zones: (ZoneKey & { readonly counts: number[] })[] = [];
  for (const line of procLines(files, 'buddyinfo')) {
    if (line.text.trim() === '') continue;
    const match = /^Node (\d+), zone\s+(\w+)\s+([\d\s]+)$/.exec(line.text);
    const counts = match === null ? [] : wordsOf(match[3]).map(Number);
    if (match === null || counts.length !== ORDERS) {
      throw line.refuse(`expected 'Node N, zone NAME' and ${ORDERS} counts, got '${line.text.trim()}'`);
    }
    const [node, name] = [Number(match[1]), match[2]];
    if (zones.some((zone) => keyOf(zone) === keyOf({ node, name }))) {
      throw line.refuse(`${zoneLabel(node, name)} a second time; expected each zone of a node once`);
    }
    zones.push({ node, name, counts });
  }
  if (zones.length === 0) {
    throw new InputError(`${files.pathOf('buddyinfo')}: no zones; expected the content of /proc/buddyinfo`);
  }
  return zones;
}

/** Free chunks by order; undefined above the largest count that pagetypeinfo prints. */
type CappedCounts = (number | undefined)[];

interface TypeCounts {
  readonly free: Record<Migratetype, CappedCounts>;
  /** Undefined before the second section of the file. */
  pageblocks: Record<Migratetype, number> | undefined;
}

function readPagetypeinfo(files: ProcFiles): Map<string, TypeCounts> {
  const zones = new Map<string, TypeCounts>();
  const zoneNamed = (key: string): TypeCounts => {
    const zone = zones.get(key) ?? {
      free: perType(() => new Array<number>(ORDERS).fill(0)),
      pageblocks: undefined,
    };
    zones.set(key, zone);
    return zone;
  };
  let blockTypes: Migratetype[] = [];
  let isMixed = false;
  for (const line of procLines(files, 'pagetypeinfo')) {
    const header = /^Number of (blocks type|mixed blocks)\s+(.+)$/.exec(line.text);
    // With page_owner=on the kernel prints mixed blocks too. They are not needed. The next node begins after them.
    if (header !== null) isMixed = header[1] === 'mixed blocks';
    else if (line.text.startsWith('Free pages count')) isMixed = false;
    if (header !== null && !isMixed) blockTypes = wordsOf(header[2]).map((name) => migratetype(line, name));
    if (isMixed || !line.text.startsWith('Node')) continue;

    const match = /^Node\s+(\d+), zone\s+(\w+)(?:, type\s+(\w+))?\s+([>\d\s]+)$/.exec(line.text);
    if (match === null) throw line.refuse(`not a line of /proc/pagetypeinfo: '${line.text.trim()}'`);
    const [, node, name, type, text] = match;
    const counts = wordsOf(text);
    const expected = type === undefined ? blockTypes.length : ORDERS;
    if (counts.length !== expected) throw line.refuse(`expected ${expected} counts, got ${counts.length}`);
    const zone = zoneNamed(keyOf({ node: Number(node), name }));
    if (type !== undefined) {
      zone.free[migratetype(line, type)] = counts.map(uncapped);
    } else {
      const pageblocks = perType(() => 0);
      for (const [column, blockType] of blockTypes.entries()) pageblocks[blockType] = Number(counts[column]);
      zone.pageblocks = pageblocks;
    }
  }
  const path = files.pathOf('pagetypeinfo');
  if (zones.size === 0) throw new InputError(`${path}: no zones; expected the content of /proc/pagetypeinfo`);
  if (blockTypes.length === 0) {
    throw new InputError(
      `${path}: no 'Number of blocks type' section with the pageblocks of each migratetype; ` +
        'expected all of /proc/pagetypeinfo',
    );
  }
  return zones;
}

/** Above this count pagetypeinfo prints `>100000`: pagetypeinfo_showfree_print(), mm/vmstat.c. */
const CAP = 100_000;

const uncapped = (count: string) => (count.startsWith('>') ? undefined : Number(count));

const wordsOf = (text: string) => text.trim().split(/\s+/);

const perType = <Value>(value: () => Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value()])) as Record<Migratetype, Value>;

function migratetype(line: ProcLine, name: string): Migratetype {
  const found = MIGRATETYPES.find((type) => type === name);
  if (found === undefined) {
    throw line.refuse(`unknown migratetype '${name}'; known: ${MIGRATETYPES.join(', ')}`);
  }
  return found;
}

/** Fills in the capped counts: buddyinfo minus the other types. The two files are read at slightly different times. */
function uncap(
  zone: string,
  free: Readonly<Record<Migratetype, Readonly<CappedCounts>>>,
  totals: readonly number[],
  warnings: string[],
): Record<Migratetype, number[]> {
  const result = perType(() => new Array<number>(ORDERS).fill(0));
  const different: string[] = [];
  for (const [order, total] of totals.entries()) {
    const known = MIGRATETYPES.reduce((sum, type) => sum + (free[type][order] ?? 0), 0);
    const capped = MIGRATETYPES.filter((type) => free[type][order] === undefined);
    for (const type of MIGRATETYPES) result[type][order] = free[type][order] ?? 0;
    if (capped.length > 0) result[capped[0]][order] = Math.max(0, total - known);

    const where = `In ${zone}, order ${order},`;
    if (capped.length > 1) {
      warnings.push(
        `${where} pagetypeinfo caps the counts of ${capped.join(' and ')}. ${capped[0]} gets all remaining chunks.`,
      );
    } else if (capped.length === 1 && total - known <= CAP) {
      warnings.push(
        `${where} pagetypeinfo counts more than ${CAP} ${capped[0]} chunks, but buddyinfo leaves only ${result[capped[0]][order]}. The count of buddyinfo is used.`,
      );
    } else if (capped.length === 0 && known !== total) {
      different.push(`order ${order}: ${total} and ${known}`);
    }
  }
  if (different.length > 0) {
    warnings.push(
      `In ${zone}, buddyinfo and pagetypeinfo count different numbers of free chunks (${different.join(', ')}). The counts of pagetypeinfo are used.`,
    );
  }
  return result;
}
