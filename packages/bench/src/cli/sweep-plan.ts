/**
 * What a sweep runs on: the workloads, traces, memory states and platforms that its definition names.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError, type Platform } from '@decpool/model';
import { lowerBounds } from '../bounds/lower.ts';
import type { RunSettings } from '../compare/run.ts';
import { sha256 } from '../files/sha256.ts';
import { isPolicyFile, policiesFor } from '../policies/load.ts';
import {
  OWN_PLATFORM,
  readDefinition,
  type SweepDefinition,
  type SweepInputDefinition,
  type SweepMemoryDefinition,
  type SweepSettings,
} from '../sweep/definition.ts';
import { codeHash } from '../sweep/identity.ts';
import type { Scenario, SweepInput, SweepMemory, SweepPlan, SweepPolicy } from '../sweep/plan.ts';
import { packRequests } from '../sweep/request-columns.ts';
import { importTrace } from '../traces/import.ts';
import { readMemoryState } from '../traces/memory-state/memory-state.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { workloadNamed } from '../workloads/registry.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import type { Workload } from '../workloads/workload.ts';
import { parseMemory, sizeNotes } from './inputs.ts';
import { platformOf } from './platform.ts';

/** Reads the definition and all that it names. Throws InputError that says what in the file is wrong, before any run. */
export async function prepareSweep(path: string): Promise<SweepPlan> {
  const definition = readDefinition(path);
  const folder = dirname(path);
  const inPlace = placesIn(path);
  const policies = await inPlace('policies', () => policiesOf(definition.policies, folder));
  const memories = new Memories(folder, definition);
  const scenarios: Scenario[] = [];
  for (const [index, input] of definition.inputs.entries()) {
    const place = `inputs[${index}]`;
    const { packed, platform: modelled } = await inPlace(place, () => inputOf(input, folder, definition));
    if (scenarios.some((scenario) => scenario.input.facts.name === packed.facts.name)) {
      throw new InputError(
        `${path}: ${place}: duplicate input '${packed.facts.name}'; expected different names`,
      );
    }
    const own = (list: string) => (list in input ? `${place}.${list}` : list);
    const platforms = new Map<string, Platform>();
    for (const [at, name] of (input.platforms ?? definition.platforms).entries()) {
      // A workload's own platform may be listed beside that platform: it is run once.
      const platform = await inPlace(`${own('platforms')}[${at}]`, () =>
        sweptPlatform(name, modelled, definition.settings),
      );
      platforms.set(platform.name, platform);
    }
    for (const [at, wanted] of (input.memory ?? definition.memory).entries()) {
      const memory = await inPlace(`${own('memory')}[${at}]`, () => memories.of(wanted));
      for (const platform of platforms.values()) scenarios.push({ input: packed, memory, platform });
    }
  }
  const settings = runSettings(definition.settings);
  return {
    ...{ definition, scenarios, policies, settings },
    identity: {
      'version of decpool': codeHash(),
      definition: sha256(JSON.stringify(definition)),
      ...policyHashes(policies),
      ...Object.fromEntries(
        scenarios.map(({ input: { facts } }) => [`input '${facts.name}'`, facts.requestsHash]),
      ),
      ...Object.fromEntries(
        scenarios.map(({ memory }) => [`memory '${memory.name}'`, sha256(JSON.stringify(memory.state))]),
      ),
    },
  };
}

/** Runs a step of the preparation; what is wrong is told with the file and the place in it. */
const placesIn =
  (path: string) =>
  async <Result>(place: string, step: () => Result | Promise<Result>): Promise<Result> => {
    try {
      return await step();
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`${path}: ${place}: ${error.message}`);
      throw error;
    }
  };

/** Files lie beside the definition, as traces do. */
async function policiesOf(given: readonly string[], folder: string): Promise<SweepPolicy[]> {
  const sources = given.map((name) => (isPolicyFile(name) ? resolve(folder, name) : name));
  const policies = await policiesFor(sources);
  return policies.map(({ name }, index) => ({ name, source: sources[index] }));
}

/** By a file's own text; what it imports is beyond our sight. */
const policyHashes = (policies: readonly SweepPolicy[]): Record<string, string> =>
  Object.fromEntries(
    policies
      .filter(({ source }) => isPolicyFile(source))
      .map(({ name, source }) => [`policy '${name}'`, sha256(readFileSync(source, 'utf8'))]),
  );

/** Memory states by what the definition says: one that several inputs begin from is made once. */
class Memories {
  readonly #folder: string;
  readonly #definition: SweepDefinition;
  readonly #known = new Map<string, SweepMemory>();

  constructor(folder: string, definition: SweepDefinition) {
    this.#folder = folder;
    this.#definition = definition;
  }

  of(wanted: SweepMemoryDefinition): SweepMemory {
    const text = JSON.stringify(wanted);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const memory = this.#make(wanted);
    if ([...this.#known.values()].some(({ name }) => name === memory.name)) {
      throw new InputError(`duplicate memory state '${memory.name}'; expected different names`);
    }
    this.#known.set(text, memory);
    return memory;
  }

  #make(wanted: SweepMemoryDefinition): SweepMemory {
    if (typeof wanted === 'string') {
      const { seeds, settings } = this.#definition;
      return { name: wanted, state: parseMemory(wanted, seeds[0], settings.nodes), notes: [] };
    }
    const { memory, warnings } = readMemoryState(resolve(this.#folder, wanted.state));
    return { name: memory.name, state: memory, notes: warnings };
  }
}

interface PreparedInput {
  readonly packed: SweepInput;
  /** That the workload models. */
  readonly platform?: string;
}

async function inputOf(
  input: SweepInputDefinition,
  folder: string,
  { seeds }: SweepDefinition,
): Promise<PreparedInput> {
  if ('workload' in input) {
    const { generate, platform } = workloadNamed(input.workload);
    return { packed: pack(generate({ seed: seeds[0] })), ...(platform === undefined ? {} : { platform }) };
  }
  const shared = input.shared === undefined ? {} : { shared: parseSharedExpression(input.shared) };
  const { workload } = await importTrace(resolve(folder, input.trace), shared);
  return { packed: pack(workload) };
}

function pack(workload: Workload): SweepInput {
  const { name, description, requests, peakLivePages, notes } = workload;
  const lower = lowerBounds(requests, PAGES_PER_BLOCK);
  return {
    facts: {
      ...{
        name,
        description,
        requests: requests.length,
        requestsHash: requestsHash(workload),
        peakLivePages,
      },
      lowerBounds: { blocksPeak: lower.blocksPeak, blockSeconds: Number(lower.blockNs) / 1e9 },
      notes: [...notes, ...sizeNotes(workload)],
    },
    lowerBounds: lower,
    requests: packRequests(requests),
  };
}

/** Of x86Geometry(), whatever the memory. */
const PAGES_PER_BLOCK = 512;

const sweptPlatform = (
  name: string,
  modelled: string | undefined,
  { restore, granule, wordAccess }: SweepSettings,
): Platform =>
  platformOf(
    { restore, granule, wordAccess, ...(name === OWN_PLATFORM ? {} : { platform: name }) },
    modelled,
  );

const runSettings = ({ kernel, pcp, compaction, swiotlbDynamic, faults }: SweepSettings): RunSettings => ({
  pageSource: { kernel, perCpuLists: pcp, compaction },
  isSwiotlbDynamic: swiotlbDynamic,
  ...(faults === undefined ? {} : { faults }),
});
