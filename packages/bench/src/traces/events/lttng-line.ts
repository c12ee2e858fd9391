/**
 * Lines of LTTng's kernel events, as babeltrace prints them:
 *
 *     [08:36:01.211260539] (+0.000014700) HOST kmem_kmalloc: { cpu_id = 1 }, { procname = "dd", tid = 7 }, { ptr = 0xC2A41800, ... }
 *      TIME                 since before       EVENT          packet          context, if recorded         fields
 */
import { wholeNumber } from './event-fields.ts';
import { parseSeconds } from './timestamps.ts';
import type { TraceEvent } from './trace-event.ts';

const LINE =
  /^\[(?:\d{4}-\d\d-\d\d )?(?:(?<hours>\d\d):(?<minutes>\d\d):)?(?<seconds>\d+\.\d+)\] (?:\(\+[\d.?]+\) )?(?:\S+ )?(?<event>\w+): (?<groups>\{ .*\})$/;
const FIELD = /(\w+) = ("[^"]*"|[^\s,{}]+)/g;

/** More than any machine has. */
const MAX_CPUS = 2 ** 16;

/** LTTng names some events after their system: kmem_kmalloc is kmem:kmalloc. */
const SYSTEM = /^kmem_(?=kmalloc|kfree|mm_page_)/;

/** The event of a line, with its fields as other tools print them; undefined for any other line. */
export function parseLttngLine(text: string): TraceEvent | undefined {
  const match = LINE.exec(text)?.groups;
  if (match === undefined) return undefined;
  const { hours = '0', minutes = '0', seconds, event: fullName, groups: braces } = match;
  const at = parseSeconds(seconds);
  if (at === undefined) return undefined;
  const fullMinutes = BigInt(hours) * 60n + BigInt(minutes);
  const groups = braces.split('}, {').map(fieldsOf);
  const fields = groups[groups.length - 1];
  const context = new Map(groups.slice(0, -1).flatMap((group) => [...group]));
  const name = context.get('procname')?.replaceAll('"', '') ?? '<...>';
  const event = fullName.replace(SYSTEM, '');
  const isPage = event === 'mm_page_alloc' || event === 'mm_page_free';
  return {
    task: `${name}-${context.get('tid') ?? context.get('vtid') ?? 0}`,
    cpu: wholeNumber(context.get('cpu_id'), MAX_CPUS) ?? 0,
    at: fullMinutes * 60_000_000_000n + at,
    // Before Linux 4.0 page events have an address of the memory map only, which does not tell how pages are aligned.
    event: isPage && !fields.has('pfn') ? `${event} without pfn` : event,
    fields: [...fields].map(([key, value]) => `${key}=${value}`).join(' '),
  };
}

/** Numbers are hexadecimal in capitals. */
const fieldsOf = (group: string): ReadonlyMap<string, string> =>
  new Map(
    [...group.matchAll(FIELD)].map(([, key, value]) => [
      key,
      /^0x[0-9A-F]+$/.test(value) ? value.toLowerCase() : value,
    ]),
  );
