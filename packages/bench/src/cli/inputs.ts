/** The inputs of a comparison: the bundled ones, or those that options name. */
import { basename } from 'node:path';
import { InputError, type MemoryState } from '@decpool/model';
import { ALL_POLICIES } from '@decpool/pool';
import { shortPolicyName } from '@decpool/pool/internal';
import type { ComparisonInput } from '../compare/compare.ts';
import { parseFaults } from '../compare/faults.ts';
import {
  DEFAULT_MEMORY,
  kernelSettingOf,
  pageSourceOf,
  parseMemory,
  platformOf,
} from '../compare/machine.ts';
import { tracesPath } from '../files/resource.ts';
import { chosenRows } from '../report/chosen-rows.ts';
import { importPacked } from '../traces/import.ts';
import { memoryStatePath } from '../traces/memory-state/bundled.ts';
import { type RecordedMemory, readMemoryState } from '../traces/memory-state/memory-state.ts';
import { recordedConversions } from '../traces/recording/conversions.ts';
import { type Recording, recordedRequests, withRecording } from '../traces/recording/recording.ts';
import type { SanityReport } from '../traces/sanity.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { askedWorkload } from '../workloads/asked.ts';
import type { Requests } from '../workloads/requests.ts';
import { sizeNotes, type Workload } from '../workloads/workload.ts';
import type { CompareOptions } from './compare-options.ts';

/** The options of compare that its inputs depend on. */
export type InputOptions = Omit<CompareOptions, 'out' | 'logFormat' | 'maxRegress'>;

interface BundledInput {
  readonly source: Pick<InputOptions, 'trace' | 'workload'>;
  /** The recorded memory, and what its kernel does beside its lists. */
  readonly memory: Pick<InputOptions, 'memoryState'>;
  readonly cautions: readonly string[];
}

/** The inputs without --trace and --workload. The first one differs most between policies. */
const BUNDLED_INPUTS: readonly BundledInput[] = [
  {
    source: { workload: 'netvsc' },
    memory: { memoryState: tracesPath('exact/k73/aged-cpus-1') },
    cautions: [],
  },
  {
    source: { trace: tracesPath('requests/seqmix.txt') },
    memory: { memoryState: tracesPath('memory/k61-E1w-before') },
    cautions: [],
  },
  {
    source: { trace: tracesPath('requests/k61-E7cc.dma_requests.ndjson.gz') },
    memory: { memoryState: tracesPath('memory/k61-E7cc-before') },
    cautions: [
      'The recorded kernel split 13 mappings here. The trace lacks what others allocated in between.',
    ],
  },
];

/** The inputs that the options name. Throws InputError for options that do not go together. */
export async function prepareInputs(options: InputOptions): Promise<ComparisonInput[]> {
  const { trace, recording, workload, shared, nodes, memory, memoryState, seed, seeds } = options;
  const lastSeed = seed + seeds - 1;
  const mistakes: Readonly<Record<string, boolean>> = {
    [`--seed ${seed} with --seeds ${seeds} goes up to ${lastSeed}; seeds have 32 bits`]:
      lastSeed > 0xffffffff,
    '--trace and --workload name one input each: give one of them.':
      trace !== undefined && workload !== undefined,
    '--recording has requests: give no --trace and no --workload with it.':
      recording !== undefined && (trace !== undefined || workload !== undefined),
    '--shared chooses page events of a trace: give --trace or --recording as well.':
      shared !== undefined && trace === undefined && recording === undefined,
    '--nodes is for --memory: a --memory-state has the nodes that were recorded.':
      nodes !== undefined && memoryState !== undefined,
    '--memory and --memory-state both say how memory begins: give one of them.':
      memory !== undefined && memoryState !== undefined,
  };
  for (const [message, isMade] of Object.entries(mistakes)) if (isMade) throw new InputError(message);
  if (recording !== undefined)
    return withRecording(recording, async (opened) => [await prepareRecorded(options, opened)]);
  if (trace !== undefined || workload !== undefined) return [await prepare(options, [])];
  const isMemoryGiven = memory !== undefined || memoryState !== undefined;
  return Promise.all(
    BUNDLED_INPUTS.map(({ source, memory: recorded, cautions }) =>
      prepare({ ...(isMemoryGiven ? {} : recorded), ...options, ...source }, cautions),
    ),
  );
}

/** What the options do not say is taken from the recording. */
async function prepareRecorded(options: InputOptions, recording: Recording): Promise<ComparisonInput> {
  const { name, kernel, platform, before, counters } = recording;
  const isMemoryGiven = options.memory !== undefined || options.memoryState !== undefined;
  if (before === undefined && !isMemoryGiven) {
    throw new InputError(
      `${name}: this recording began at boot and has no memory state: give --memory with the size of the guest`,
    );
  }
  const { shared } = options;
  const { workload, sanity, notes } = await recordedRequests(
    recording,
    shared === undefined ? shared : parseSharedExpression(shared),
  );
  const input = await prepare(
    {
      ...options,
      kernel: options.kernel ?? kernelSettingOf(kernel),
      ...(isMemoryGiven || before === undefined ? {} : { memoryState: before }),
    },
    notes,
    { workload, sanity, platform },
  );
  const memory = isMemoryGiven
    ? input.memory
    : { ...input.memory, name: input.memory.name.replace('before', name) };
  if (counters === undefined) return { ...input, memory };
  const conversions = await recordedConversions(recording, memory);
  return { ...input, memory, recorded: { kernel, counters, conversions } };
}

async function prepare(
  options: InputOptions,
  cautions: readonly string[],
  source?: Source,
): Promise<ComparisonInput> {
  const {
    workload,
    sanity,
    platform,
    memory: needed = DEFAULT_MEMORY,
    isMemoryAsked,
  } = source ?? (await sourceOf(options));
  if (isMemoryAsked === true && (options.memory !== undefined || options.memoryState !== undefined)) {
    throw new InputError(
      '--workload and --memory or --memory-state both say how memory begins: give one of them.',
    );
  }
  const { memoryState, memory: size = needed, seed, seeds, nodes } = options;
  const { memory, warnings }: RecordedMemory =
    memoryState === undefined
      ? { memory: parseMemory(size, seed, nodes, '--memory '), warnings: [] }
      : readMemoryState(memoryStatePath(memoryState));
  return {
    name: workload.name,
    workload: { ...workload, notes: [...workload.notes, ...warnings] },
    ...(sanity === undefined ? {} : { sanity }),
    memory,
    platform: platformOf(options, platform),
    pageSource: pageSourceOf(options, memory),
    ...(options.faults === undefined ? {} : { faults: parseFaults(options.faults) }),
    isSwiotlbDynamic: options.swiotlbDynamic === true,
    policies: policiesOf(options.policy),
    seeds: Array.from({ length: dependsOnSeed(memory, options) ? seeds : 1 }, (_, index) => seed + index),
    cautions,
    notes: sizeNotes(workload),
    isPackingWanted: options.bounds === true,
    isParetoWanted: options.pareto === true,
    ...(options.metrics === undefined ? {} : { rows: chosenRows(options.metrics) }),
  };
}

/** Seeds place free chunks, order reclaim and draw faults. On an exact memory state without the two all seeds give the same. */
const dependsOnSeed = ({ exact }: MemoryState, { reclaim, faults }: InputOptions): boolean =>
  exact === undefined || reclaim === true || faults !== undefined;

interface Source {
  readonly workload: Workload<Requests>;
  readonly sanity?: SanityReport;
  /** The platform that the workload models. */
  readonly platform?: string | undefined;
  /** The memory that the workload needs. */
  readonly memory?: string | undefined;
  /** Whether the name of the workload says which. */
  readonly isMemoryAsked?: boolean;
}

async function sourceOf({ trace, shared, workload = '', seed }: InputOptions): Promise<Source> {
  if (trace !== undefined) {
    return importPacked(trace, { shared: shared === undefined ? shared : parseSharedExpression(shared) });
  }
  return askedWorkload(workload, seed);
}

/** The policies of a list; `all` is every policy, the kernels first. */
function policiesOf(list: string): readonly string[] {
  if (list === 'all') return ALL_POLICIES;
  const names = list.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) {
    throw new InputError(`--policy '${list}': expected policies separated by commas.`);
  }
  const short = names.map(shortPolicyName);
  const duplicate = names.find((_, index) => short.indexOf(short[index]) !== index);
  if (duplicate !== undefined)
    throw new InputError(`--policy: '${duplicate}' is the same policy as one before it in the list.`);
  return names;
}

/** Name of the input's folder in the results. */
export const folderOf = ({ name }: ComparisonInput): string => basename(name).replace(/[^\w.-]+/g, '-');
