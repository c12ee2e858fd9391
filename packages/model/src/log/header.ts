/**
 * The header of a log: everything needed to fold its events and to run its requests again. It names no host, no
 * path and no wall-clock time, so the same run gives the same bytes.
 */
import * as z from 'zod';
import { InputError } from '../errors.ts';
import { checkGeometry } from '../geometry.ts';
import { memoryStateSchema } from '../memory-state.ts';
import { type Platform, platformSchema } from '../platform.ts';
import { PLATFORM_NAMES } from '../platforms/all.ts';
import { MAX_CPU } from '../requests.ts';
import { issueText, whole } from '../schemas.ts';
import type { Machine } from '../state/editor.ts';
import { OLDEST_SCHEMA, RULES_REVISION, RULES_SINCE, SCHEMA_VERSION, upcastHeader } from './upcast.ts';

const knownPlatform: z.ZodType<Platform> = platformSchema
  .unwrap()
  .extend({ name: z.enum(PLATFORM_NAMES) })
  .readonly();

/** Each retry is a call to the host: more would only keep a run from ending. */
export const MAX_RETRIES = 1000;

const chance = z.number().min(0).max(1);

/** Seeded errors of conversions: how often each direction fails, how often the host converted all the same. */
const faultsSchema = z.strictObject({
  seed: whole,
  decrypt: chance,
  encrypt: chance,
  /** Of the conversions that fail, the fraction that the host did. */
  converted: chance,
  /** How often set_memory_encrypted() is tried on pages in an unknown state before they are leaked. */
  retries: whole.max(MAX_RETRIES),
});
/** Conversions that fail by seeded chance: chances from 0 to 1, and retries. */
export type Faults = Readonly<z.infer<typeof faultsSchema>>;

const pageSourceSchema = z.strictObject({
  /**
   * Whose rules hold when a migratetype's own lists are empty: `6.x` has __rmqueue_fallback(), `7.x` (in fact since
   * 6.15) __rmqueue_claim() and then __rmqueue_steal(); both in mm/page_alloc.c.
   */
  kernel: z.enum(['6.x', '6.12', '7.x']),
  /** Whether chunks of order 0 to 3 and 9 come from and go to per-CPU lists (struct per_cpu_pages). */
  perCpuLists: z.boolean(),
  /** Whether a pageblock is emptied for a claim that finds no chunk (mm/compaction.c). */
  compaction: z.boolean(),
  /** Whether page cache is reclaimed when memory is short (mm/vmscan.c); absent: what is in use at the start stays so. */
  reclaim: z.boolean().exactOptional(),
  /** CPUs with lists of their own in a memory state with counts; absent: one. An exact state has its own number. */
  cpus: whole
    .min(1)
    .max(MAX_CPU + 1)
    .exactOptional(),
});
/** What a run models of the kernel's page allocator beside its free lists. */
export type PageSourceSettings = Readonly<z.infer<typeof pageSourceSchema>>;

/** A buddy allocator with the fallback rules of Linux 6.x, and nothing beside it. */
export const PLAIN_PAGE_SOURCE: PageSourceSettings = Object.freeze({
  kernel: '6.x',
  perCpuLists: false,
  compaction: false,
});

/** Simulated ns: about a scheduling round, as a queued work item waits for. An assumption. */
export const DEFAULT_WORKER_DELAY = 1_000_000;

const headerSchema = z.strictObject({
  decpool: z.literal('event log'),
  schema: z.literal(SCHEMA_VERSION),
  /** Revision of the rules under which the events were decided: RULES_REVISION of the program that wrote the log. */
  rules: whole.min(1),
  geometry: z.strictObject({
    pageShift: whole,
    pagesPerBlock: whole,
    blocksPerRegion: whole,
    spanPages: whole,
  }),
  platform: knownPlatform,
  memory: memoryStateSchema,
  /** The policy as it is named on a command line, with its parameters. */
  policy: z.string(),
  /** Of a fork: who decided the requests up to and with `request`, oldest first; `policy` decided those after the last. */
  handovers: z
    .array(z.strictObject({ policy: z.string(), request: whole }))
    .min(1)
    .readonly()
    .exactOptional(),
  /** Seeds the placement guess of the page source. */
  seed: whole,
  /** Simulated ns between a request that leaves work behind and the deferred worker that does it. */
  workerDelay: whole,
  pageSource: pageSourceSchema,
  /** The bounce buffers for streaming maps, and the areas that they are cut into (default: 1); left out if there are none. */
  swiotlb: z
    .strictObject({ bytes: whole, dynamic: z.boolean(), areas: whole.exactOptional() })
    .exactOptional(),
  /** Whether the guest has atomic DMA pools, unless the policy replaces them; left out if not. */
  atomicPools: z.literal(true).exactOptional(),
  /** Left out if no conversion fails. */
  faults: faultsSchema.exactOptional(),
  workload: z.strictObject({
    name: z.string(),
    /** SHA-256 of the requests, so that two logs can be told to come from the same ones. */
    requests: z.string(),
  }),
});

/** What a log begins with: all that is needed to make its run again. */
export type LogHeader = Readonly<z.infer<typeof headerSchema>>;

/** The parts of a header without a default. */
type HeaderParts = Omit<LogHeader, 'decpool' | 'schema' | 'rules' | 'workerDelay' | 'pageSource'> &
  Partial<Pick<LogHeader, 'rules' | 'workerDelay' | 'pageSource'>>;

/**
 * Makes a header from its parts, with defaults for the rest. Its keys are in the order of the schema, so a log that was read is
 * written again as the same bytes. Throws InputError.
 */
export function logHeader(parts: HeaderParts): LogHeader {
  return inOrder({
    decpool: 'event log',
    schema: SCHEMA_VERSION,
    rules: RULES_REVISION,
    workerDelay: DEFAULT_WORKER_DELAY,
    pageSource: PLAIN_PAGE_SOURCE,
    ...parts,
  });
}

/** A header in the present schema version, and the version that its log was written in. */
export interface ReadHeader {
  readonly header: LogHeader;
  readonly version: number;
}

/** The header as JSON in a schema version: what the content hash of a log begins with. */
export function headerText(header: LogHeader, version: number): string {
  if (version >= RULES_SINCE) return JSON.stringify(header);
  const { rules: _, ...rest } = header;
  return JSON.stringify({ ...rest, schema: version });
}

/** Checks what was read where a header should be. Throws InputError that says what is wrong. */
export function parseHeader(value: unknown): ReadHeader {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const version = isObject && 'schema' in value ? value.schema : undefined;
  if (!isObject || typeof version !== 'number') {
    throw new InputError(
      "log header, 'schema': missing or not a number; expected the header of an event log",
    );
  }
  if (!(version >= OLDEST_SCHEMA && version <= SCHEMA_VERSION && Number.isInteger(version))) {
    throw new InputError(
      `log header: schema version ${version}; this program reads versions ${OLDEST_SCHEMA} to ${SCHEMA_VERSION}`,
    );
  }
  const header = inOrder(upcastHeader(value, version));
  checkGeometry(header.geometry);
  checkExtent(header);
  return { header, version };
}

function inOrder(value: unknown): LogHeader {
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InputError(`log header${issueText(parsed.error)}`);
}

/** Memory beyond the geometry cannot be folded. Overlapping runs, or too many free pages, would take for ever to lay out. */
function checkExtent({ memory, geometry }: LogHeader): void {
  expectRuns('the direct map', memory.directMap, geometry.spanPages);
  for (const zone of memory.zones) expectRuns(`RAM of zone '${zone.name}'`, zone.ram, geometry.spanPages);
  const free = memory.zones
    .flatMap((zone) => Object.values(zone.free))
    .reduce((sum, counts) => sum + counts.reduce((pages, count, order) => pages + count * 2 ** order, 0), 0);
  if (free > geometry.spanPages) {
    throw new InputError(
      `log header, 'memory': ${free} free pages, more than the ${geometry.spanPages} pages of the geometry`,
    );
  }
}

type Runs = readonly (readonly [start: number, pages: number, ...unknown[]])[];

function expectRuns(what: string, runs: Runs, spanPages: number): void {
  let end = 0;
  for (const [start, pages] of runs) {
    if (start < end) {
      throw new InputError(
        `log header, 'memory': ${what} has a run at page ${start}; expected ${end} or later, after the previous run`,
      );
    }
    end = start + pages;
    if (end > spanPages) {
      throw new InputError(
        `log header, 'memory': ${what} has pages ${start} to ${end - 1}; expected pages below ${spanPages}, where the geometry ends`,
      );
    }
  }
}

/** The geometry and platform of a log's guest. */
export const machineOf = (header: LogHeader): Machine => ({
  geometry: header.geometry,
  platform: header.platform,
});
