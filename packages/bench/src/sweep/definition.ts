/** The definition of a sweep, a JSON file: every policy on every input, memory state and platform, once per seed. */
import { PLATFORM_NAMES } from '@decpool/model';
import { MAX_RETRIES } from '@decpool/model/internal';
import * as z from 'zod';
import { KERNELS } from '../compare/choices.ts';
import { readJson } from '../files/json.ts';

/** Stands for the platform that a workload models. */
export const OWN_PLATFORM = 'default';

const name = z.string().min(1);
/** What results call a memory state. */
const title = { name: name.exactOptional() };
const memory = z.union(
  [
    name,
    z.strictObject({ size: name, ...title }),
    /** A folder with buddyinfo and pagetypeinfo. */
    z.strictObject({ state: name, ...title }),
  ],
  {
    error:
      'expected a size as in "4G" or {"size": "4G:aged"}, or a recorded state as in {"state": "FOLDER"}; "name" if wanted',
  },
);
const platform = z.enum([OWN_PLATFORM, ...PLATFORM_NAMES]);

/** A list without a value twice: the same cell cannot run twice. */
const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .min(1)
    .superRefine((values, context) => {
      const texts = values.map((value) => JSON.stringify(value));
      const seen = new Set<string>();
      const twice = texts.findIndex((text) => seen.size === seen.add(text).size);
      if (twice === -1) return;
      context.addIssue({ code: 'custom', path: [twice], message: `${texts[twice]} is there twice` });
    })
    .readonly();

/** Of an input's own, instead of those of the sweep. */
const scenario = { memory: listOf(memory).exactOptional(), platforms: listOf(platform).exactOptional() };
const input = z.union(
  [
    z.strictObject({ workload: name, ...scenario }),
    /** `shared`: which page events are for shared memory, as of --shared. */
    z.strictObject({ trace: name, shared: name.exactOptional(), ...scenario }),
  ],
  {
    error:
      'expected {"workload": NAME} or {"trace": FILE}, with "memory", "platforms" and, for a trace, "shared" if wanted',
  },
);

const seed = z.int().min(0).max(0xffffffff);
const chance = z.number().min(0).max(1);

const settings = z.strictObject({
  /** Whose page allocator, as of --kernel. */
  kernel: z.enum(KERNELS).optional(),
  /** Per-CPU page lists. */
  pcp: z.boolean().default(true),
  compaction: z.boolean().default(true),
  reclaim: z.boolean().default(true),
  swiotlbDynamic: z.boolean().default(false),
  restore: z.boolean().default(false),
  /** The host's page size in KiB. */
  granule: z.union([z.literal(4), z.literal(16), z.literal(64)]).default(4),
  wordAccess: z.boolean().default(true),
  /** NUMA nodes that made-up memory is spread over. */
  nodes: z.int().min(1).max(8).default(1),
  /** Conversions that fail, as of --faults. The seed counts up with the seeds of the sweep, as in a comparison. */
  faults: z
    .strictObject({
      seed: seed.default(1),
      decrypt: chance.default(0),
      encrypt: chance.default(0),
      converted: chance.default(0),
      retries: z.int().min(0).max(MAX_RETRIES).default(1),
    })
    .refine(({ decrypt, encrypt }) => decrypt > 0 || encrypt > 0, {
      error: 'nothing fails; give a chance for decrypt, encrypt or both',
    })
    .exactOptional(),
});

const gridSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, 'expected letters, digits, ".", "_" and "-"'),
  description: z.string().default(''),
  /** The first one is the baseline. */
  policies: listOf(name),
  inputs: listOf(input),
  memory: listOf(memory).default(['4G']),
  platforms: listOf(platform).default([OWN_PLATFORM]),
  /** Placement seeds; a workload is generated from the first, too. */
  seeds: listOf(seed),
  /** Whether a workload is generated from each seed, so that every seed has requests of its own. */
  workloadPerSeed: z.boolean().default(false),
  settings: settings.prefault({}),
});

/** Runs of a sweep at the most: weeks. */
const MAX_CELLS = 1_000_000;
/** All are in memory at once. */
const MAX_WORKLOADS = 10_000;

export const definitionSchema = gridSchema.superRefine((grid, context) => {
  const scenarios = grid.inputs.reduce(
    (sum, { memory = grid.memory, platforms = grid.platforms }) => sum + memory.length * platforms.length,
    0,
  );
  const workloads = grid.workloadPerSeed ? grid.inputs.length * grid.seeds.length : 0;
  if (workloads > MAX_WORKLOADS) {
    context.addIssue({
      code: 'custom',
      message: `"workloadPerSeed" makes ${workloads} workloads; expected at most ${MAX_WORKLOADS}`,
    });
  }
  const cells = scenarios * grid.policies.length * grid.seeds.length;
  if (cells <= MAX_CELLS) return;
  context.addIssue({
    code: 'custom',
    message: `it has ${cells} cells; expected at most ${MAX_CELLS}, so make it several sweeps`,
  });
});

export type SweepDefinition = z.output<typeof definitionSchema>;
export type SweepInputDefinition = SweepDefinition['inputs'][number];
export type SweepMemoryDefinition = SweepDefinition['memory'][number];

/** Throws InputError that names the file, and the place in it. */
export const readDefinition = (path: string): SweepDefinition => readJson(path, definitionSchema);
