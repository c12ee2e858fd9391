/** The free lists of the page allocator, as /proc/buddyinfo and /proc/pagetypeinfo show them. */
import { InputError, MAX_PAGE_ORDER, MIGRATETYPES, type Migratetype, type ZoneState } from '@decpool/model';
import { expectNodeZero, type ProcLine, procLines } from './proc-file.ts';

const ORDERS = MAX_PAGE_ORDER + 1;

export type ZoneFreeLists = Pick<ZoneState, 'name' | 'free' | 'pageblocks'>;

/** The zones that both files tell of; what they disagree on is added to `warnings`. Throws InputError with file and line. */
export function readFreeLists(buddyinfo: string, pagetypeinfo: string, warnings: string[]): ZoneFreeLists[] {
  const totalsOf = readBuddyinfo(buddyinfo);
  const types = readPagetypeinfo(pagetypeinfo);
  return [...totalsOf].map(([name, totals]) => {
    const zone = types.get(name);
    if (zone === undefined) throw new InputError(`${pagetypeinfo}: no zone '${name}', which buddyinfo has`);
    return { name, free: uncap(name, zone.free, totals, warnings), pageblocks: zone.pageblocks };
  });
}

/** Free chunks by order, of each zone. */
function readBuddyinfo(file: string): Map<string, number[]> {
  const zones = new Map<string, number[]>();
  for (const line of procLines(file)) {
    if (line.text.trim() === '') continue;
    const match = /^Node (\d+), zone\s+(\w+)\s+([\d\s]+)$/.exec(line.text);
    const counts = match === null ? [] : wordsOf(match[3]).map(Number);
    if (match === null || counts.length !== ORDERS) {
      throw line.refuse(`expected 'Node 0, zone NAME' and ${ORDERS} counts, got '${line.text.trim()}'`);
    }
    expectNodeZero(line, match[1]);
    zones.set(match[2], counts);
  }
  if (zones.size === 0) throw new InputError(`${file}: no zones; expected the content of /proc/buddyinfo`);
  return zones;
}

/** Free chunks by order; undefined where pagetypeinfo stops counting. */
type CappedCounts = (number | undefined)[];

interface TypeCounts {
  readonly free: Record<Migratetype, CappedCounts>;
  readonly pageblocks: Record<Migratetype, number>;
}

function readPagetypeinfo(file: string): Map<string, TypeCounts> {
  const zones = new Map<string, TypeCounts>();
  const zoneNamed = (name: string): TypeCounts => {
    const zone = zones.get(name) ?? {
      free: perType(() => new Array<number>(ORDERS).fill(0)),
      pageblocks: perType(() => 0),
    };
    zones.set(name, zone);
    return zone;
  };
  let blockTypes: Migratetype[] = [];
  for (const line of procLines(file)) {
    const header = /^Number of (blocks type|mixed blocks)\s+(.+)$/.exec(line.text);
    // A kernel with page_owner=on goes on with mixed blocks; nothing of them is needed.
    if (header?.[1] === 'mixed blocks') break;
    if (header !== null) blockTypes = wordsOf(header[2]).map((name) => migratetype(line, name));
    if (!line.text.startsWith('Node')) continue;

    const match = /^Node\s+(\d+), zone\s+(\w+)(?:, type\s+(\w+))?\s+([>\d\s]+)$/.exec(line.text);
    if (match === null) throw line.refuse(`not a line of /proc/pagetypeinfo: '${line.text.trim()}'`);
    const [, node, name, type, text] = match;
    expectNodeZero(line, node);
    const counts = wordsOf(text);
    const expected = type === undefined ? blockTypes.length : ORDERS;
    if (counts.length !== expected) throw line.refuse(`expected ${expected} counts, got ${counts.length}`);
    const zone = zoneNamed(name);
    if (type !== undefined) {
      zone.free[migratetype(line, type)] = counts.map(uncapped);
    } else {
      for (const [column, blockType] of blockTypes.entries())
        zone.pageblocks[blockType] = Number(counts[column]);
    }
  }
  if (zones.size === 0) throw new InputError(`${file}: no zones; expected the content of /proc/pagetypeinfo`);
  return zones;
}

/** Where pagetypeinfo stops counting and prints `>100000`: pagetypeinfo_showfree_print(), mm/vmstat.c. */
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

/** Fills in the counts that are capped: buddyinfo less the other types. The two files are read moments apart. */
function uncap(
  zone: string,
  free: Readonly<Record<Migratetype, Readonly<CappedCounts>>>,
  totals: readonly number[],
  warnings: string[],
): Record<Migratetype, number[]> {
  const result = perType(() => new Array<number>(ORDERS).fill(0));
  for (const [order, total] of totals.entries()) {
    const known = MIGRATETYPES.reduce((sum, type) => sum + (free[type][order] ?? 0), 0);
    const capped = MIGRATETYPES.filter((type) => free[type][order] === undefined);
    for (const type of MIGRATETYPES) result[type][order] = free[type][order] ?? 0;
    if (capped.length > 0) result[capped[0]][order] = Math.max(0, total - known);

    const where = `zone ${zone}, order ${order}`;
    if (capped.length > 1) {
      warnings.push(`${where}: ${capped.join(' and ')} are capped; ${capped[0]} gets all of the rest`);
    } else if (capped.length === 1 && total - known <= CAP) {
      warnings.push(
        `${where}: pagetypeinfo counts more than ${CAP} ${capped[0]} chunks, buddyinfo leaves ${result[capped[0]][order]}; the latter is used`,
      );
    } else if (capped.length === 0 && known !== total) {
      warnings.push(
        `${where}: buddyinfo counts ${total} free chunks, pagetypeinfo ${known}; the latter is used`,
      );
    }
  }
  return result;
}
