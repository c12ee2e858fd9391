/** The inputs of a comparison: the bundled ones, or those that options name. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, type PageSourceSettings } from '@decpool/model';
import { ALL_POLICIES, shortPolicyName } from '@decpool/pool';
import type { ComparisonInput } from '../compare/compare.ts';
import { parseFaults } from '../compare/faults.ts';
import { DEFAULT_MEMORY, parseMemory, platformOf } from '../compare/machine.ts';
import { chosenRows } from '../report/chosen-rows.ts';
import { importTrace } from '../traces/import.ts';
import { type RecordedMemory, readMemoryState } from '../traces/memory-state/memory-state.ts';
import type { SanityReport } from '../traces/sanity.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { workloadNamed } from '../workloads/registry.ts';
import { sizeNotes, type Workload } from '../workloads/workload.ts';
import type { CompareOptions } from './compare-options.ts';

/** The options of compare that its inputs depend on. */
export type InputOptions = Omit<CompareOptions, 'out' | 'logFormat' | 'maxRegress'>;

const bundled = (path: string) =>
  fileURLToPath(new URL(`../../../../examples/traces/${path}`, import.meta.url));

interface BundledInput {
  readonly source: Pick<InputOptions, 'trace'> | Pick<InputOptions, 'workload'>;
  readonly memoryState: string;
  /** The page allocator of the kernel that the memory state was recorded on. */
  readonly pageSource?: Pick<InputOptions, 'kernel' | 'pcp'>;
  readonly cautions: readonly string[];
}

/** What `decpool compare` runs without --trace and --workload: first the input that tells policies apart best. */
const BUNDLED_INPUTS: readonly BundledInput[] = [
  {
    source: { workload: 'netvsc' },
    memoryState: bundled('memory/k73-E1m-before'),
    pageSource: { kernel: '7.x', pcp: true },
    cautions: [],
  },
  {
    source: { trace: bundled('requests/seqmix.txt') },
    memoryState: bundled('memory/k61-E1w-before'),
    cautions: [],
  },
  {
    source: { trace: bundled('requests/k61-E7cc.dma_requests.ndjson.gz') },
    memoryState: bundled('memory/k61-E7cc-before'),
    cautions: [
      'The recorded kernel split 13 mappings here. The trace lacks what others allocated in between.',
    ],
  },
];

/** The comparisons that the options ask for. Throws InputError for options that do not go together. */
export async function prepareInputs(options: InputOptions): Promise<ComparisonInput[]> {
  const lastSeed = options.seed + options.seeds - 1;
  if (lastSeed > 0xffffffff) {
    throw new InputError(
      `--seed ${options.seed} with --seeds ${options.seeds} goes up to ${lastSeed}; seeds have 32 bits`,
    );
  }
  if (options.trace !== undefined && options.workload !== undefined) {
    throw new InputError('--trace and --workload name one input each: give one of them.');
  }
  if (options.shared !== undefined && options.trace === undefined) {
    throw new InputError('--shared chooses page events of a trace: give --trace as well.');
  }
  if (options.nodes !== undefined && options.memoryState !== undefined) {
    throw new InputError('--nodes is for --memory: a --memory-state has the nodes that were recorded.');
  }
  if (options.memory !== undefined && options.memoryState !== undefined) {
    throw new InputError('--memory and --memory-state both say how memory begins: give one of them.');
  }
  if (options.trace !== undefined || options.workload !== undefined) return [await prepare(options, [])];
  const isMemoryGiven = options.memory !== undefined || options.memoryState !== undefined;
  return Promise.all(
    BUNDLED_INPUTS.map(({ source, memoryState, pageSource, cautions }) =>
      prepare({ ...(isMemoryGiven ? {} : { memoryState, ...pageSource }), ...options, ...source }, cautions),
    ),
  );
}

async function prepare(options: InputOptions, cautions: readonly string[]): Promise<ComparisonInput> {
  const { workload, sanity, platform, memory: needed } = await sourceOf(options);
  const { memory, warnings } = memoryOf(options, needed);
  return {
    name: workload.name,
    workload: { ...workload, notes: [...workload.notes, ...warnings] },
    ...(sanity === undefined ? {} : { sanity }),
    memory,
    platform: platformOf(options, platform),
    pageSource: pageSourceOf(options),
    ...(options.faults === undefined ? {} : { faults: parseFaults(options.faults) }),
    isSwiotlbDynamic: options.swiotlbDynamic === true,
    policies: policiesOf(options.policy),
    seeds: Array.from({ length: options.seeds }, (_, index) => options.seed + index),
    cautions,
    notes: sizeNotes(workload),
    isPackingWanted: options.bounds === true,
    isParetoWanted: options.pareto === true,
    ...(options.metrics === undefined ? {} : { rows: chosenRows(options.metrics) }),
  };
}

/** Settings of the page source. Throws InputError for a kernel that is not modelled. */
function pageSourceOf({ kernel = '6.x', pcp = false, compaction = false }: InputOptions): PageSourceSettings {
  if (kernel !== '6.x' && kernel !== '7.x') {
    throw new InputError(`--kernel '${kernel}': expected 6.x or 7.x.`);
  }
  return { kernel, perCpuLists: pcp, compaction };
}

interface Source {
  readonly workload: Workload;
  readonly sanity?: SanityReport;
  /** The platform that the workload models. */
  readonly platform?: string | undefined;
  /** The memory that the workload needs. */
  readonly memory?: string | undefined;
}

async function sourceOf({ trace, shared, workload = '', seed }: InputOptions): Promise<Source> {
  if (trace !== undefined) {
    return importTrace(trace, { shared: shared === undefined ? shared : parseSharedExpression(shared) });
  }
  const { generate, platform, memory } = workloadNamed(workload);
  return { workload: generate({ seed }), platform, memory };
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

function memoryOf(options: InputOptions, needed = DEFAULT_MEMORY): RecordedMemory {
  if (options.memoryState !== undefined) return readMemoryState(options.memoryState);
  return {
    memory: parseMemory(options.memory ?? needed, options.seed, options.nodes, '--memory '),
    warnings: [],
  };
}

/** Name of the input's folder in the results. */
export const folderOf = ({ name }: ComparisonInput): string => basename(name).replace(/[^\w.-]+/g, '-');
