/** What a file of requests says beside them: docs/reference/requests-file.md. */
import { InputError } from '@decpool/model';
import * as z from 'zod';
import { readableIssue } from '../../text/readable-issue.ts';

const SCHEMA = 1;

const Header = z.object({
  decpool: z.literal('requests'),
  schema: z.literal(SCHEMA),
  /** Of the workload. */
  name: z.string(),
  /** Of the trace that it was converted from. */
  format: z.string(),
  description: z.string(),
  /** The expression that chose its requests. */
  shared: z.string().optional(),
});
export type RequestsHeader = Omit<z.infer<typeof Header>, 'decpool' | 'schema'>;

export const requestsHeader = (header: RequestsHeader): z.infer<typeof Header> => ({
  decpool: 'requests',
  schema: SCHEMA,
  ...header,
});

const count = z.number().int().nonnegative();
const Checkpoint = z.object({ requests: count, crc32: count });
export type RequestsCheckpoint = z.infer<typeof Checkpoint>;

// In the order of SanityReport, so that results of the file and of its trace are the same bytes.
const Sanity = z.object({
  linesRead: count,
  requests: count,
  frees: count,
  failedAllocations: count,
  freesWithoutAlloc: count,
  doubleAllocs: count,
  groupedFrees: count,
  lostEvents: count,
  assumedFrees: count,
  background: z.object({ allocations: count, frees: count, liveAtEnd: count }),
  liveAtEnd: count,
  unparsed: z.object({
    count,
    first: z.array(z.object({ line: count, text: z.string(), reason: z.string() })).readonly(),
  }),
  ignored: z.record(z.string(), count),
});

const Seal = z.object({
  requests: count,
  /** Of requestsHash(). */
  sha256: z.string(),
  sanity: Sanity,
  notes: z.array(z.string()).readonly(),
});
export type RequestsSeal = z.infer<typeof Seal>;

const parsed = <Value>(schema: z.ZodType<Value>, what: string, value: unknown): Value => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InputError(`${what}: ${readableIssue(result.error)}`);
};

/** Throws InputError if it is none, also if it is of another version. */
export const parseRequestsHeader = (value: unknown): RequestsHeader => parsed(Header, 'header', value);
export const parseCheckpoint = (value: unknown): RequestsCheckpoint =>
  parsed(Checkpoint, 'checkpoint', value);
export const parseRequestsSeal = (value: unknown): RequestsSeal => parsed(Seal, 'seal', value);
