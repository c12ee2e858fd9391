/** The plan of a sweep: the workloads, traces, memory states and platforms that its definition names. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError, type Platform } from '@decpool/model';
import { mayTakeSlots } from '@decpool/pool/internal';
import { fewConversions } from '../bounds/few-conversions.ts';
import { lowerBounds } from '../bounds/lower.ts';
import { pageSourceOf, parseMemory, platformOf } from '../compare/machine.ts';
import { sha256 } from '../files/sha256.ts';
import { isPolicyFile, policiesFor } from '../policies/load.ts';
import { importPacked } from '../traces/import.ts';
import { readMemoryState } from '../traces/memory-state/memory-state.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { askedWorkload } from '../workloads/asked.ts';
import { packRequests } from '../workloads/request-columns.ts';
import type { Requests } from '../workloads/requests.ts';
import { requestsHash } from '../workloads/requests-hash.ts';
import { sizeNotes, type Workload } from '../workloads/workload.ts';
import {
  OWN_PLATFORM,
  readDefinition,
  type SweepDefinition,
  type SweepInputDefinition,
  type SweepMemoryDefinition,
} from './definition.ts';
import { CODE, codeHash } from './identity.ts';
import { packState } from './packed-state.ts';
import type { Scenario, SweepInput, SweepMemory, SweepPlan, SweepPolicy } from './plan.ts';

/** Reads the definition and all that it names. Throws InputError that names the place in the file, before any run. */
export const prepareSweep = (path: string): Promise<SweepPlan> => planOf(readDefinition(path), path);

/** Makes all that a definition names ready to run. `path`: of the definition, where its files are, and for errors. */
export async function planOf(definition: SweepDefinition, path: string): Promise<SweepPlan> {
  const { kernel, pcp, compaction, reclaim, swiotlbDynamic, faults, ...machine } = definition.settings;
  const folder = dirname(path);
  const inPlace = placesIn(path);
  const policies = await inPlace('policies', () => policiesOf(definition.policies, folder));
  const memories = new Map<string, SweepMemory>();
  const names = new Set<string>();
  const scenarios: Scenario[] = [];
  for (const [index, input] of definition.inputs.entries()) {
    const place = `inputs[${index}]`;
    const {
      name,
      inputs,
      platform: modelled,
    } = await inPlace(place, () => inputsOf(input, folder, definition));
    if (names.has(name)) {
      throw new InputError(`${path}: ${place}: duplicate input '${name}'; expected different names`);
    }
    names.add(name);
    const own = (list: string) => (list in input ? `${place}.${list}` : list);
    // A workload's own platform may be listed beside that platform: it is run once.
    const platforms = new Map<string, Platform>();
    for (const [at, name] of (input.platforms ?? definition.platforms).entries()) {
      const named = name === OWN_PLATFORM ? undefined : name;
      const platform = await inPlace(`${own('platforms')}[${at}]`, () =>
        platformOf({ ...machine, platform: named }, modelled),
      );
      platforms.set(platform.name, platform);
    }
    for (const [at, wanted] of (input.memory ?? definition.memory).entries()) {
      const memory = await inPlace(`${own('memory')}[${at}]`, () =>
        memoryOf(wanted, memories, folder, definition),
      );
      const pageSource = pageSourceOf({ kernel, pcp, compaction, reclaim }, memory.state);
      for (const platform of platforms.values()) {
        scenarios.push({ inputs, memory, platform, pageSource });
      }
    }
  }
  return {
    ...{ definition, scenarios, policies },
    settings: {
      isSwiotlbDynamic: swiotlbDynamic,
      ...(faults === undefined ? {} : { faults }),
    },
    identity: {
      [CODE]: codeHash(),
      definition: sha256(JSON.stringify(definition)),
      ...policyHashes(policies),
      ...Object.fromEntries(
        scenarios
          .flatMap(({ inputs }) => [...inputs.values()])
          .map(({ facts: { name, seed, requestsHash } }) => [
            `input '${name}'${seed === undefined ? '' : ` of seed ${seed}`}`,
            requestsHash,
          ]),
      ),
      ...Object.fromEntries(scenarios.map(({ memory }) => [`memory '${memory.name}'`, memory.packed.hash])),
    },
  };
}

/** Runs a step of the preparation. Its InputError names the file and the place in it. */
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
  return policies.map(({ name }, index) => ({ name, source: sources[index], given: given[index] }));
}

/** Of a file's own text, without what it imports. */
const policyHashes = (policies: readonly SweepPolicy[]): Record<string, string> =>
  Object.fromEntries(
    policies
      .filter(({ source }) => isPolicyFile(source))
      .map(({ name, source }) => [`policy '${name}'`, sha256(readFileSync(source, 'utf8'))]),
  );

/** `made`: the memory states by their definitions; one that several inputs begin from is made once. */
function memoryOf(
  wanted: SweepMemoryDefinition,
  made: Map<string, SweepMemory>,
  folder: string,
  { seeds, settings }: SweepDefinition,
): SweepMemory {
  const key = JSON.stringify(wanted);
  const known = made.get(key);
  if (known !== undefined) return known;
  const memory = madeMemory(
    typeof wanted === 'string' ? { size: wanted } : wanted,
    folder,
    seeds[0],
    settings,
  );
  if ([...made.values()].some(({ name }) => name === memory.name)) {
    throw new InputError(`duplicate memory state '${memory.name}'; expected different names`);
  }
  made.set(key, memory);
  return memory;
}

function madeMemory(
  wanted: Exclude<SweepMemoryDefinition, string>,
  folder: string,
  seed: number,
  { nodes }: SweepDefinition['settings'],
): SweepMemory {
  if ('size' in wanted) {
    const { size, name = size } = wanted;
    const state = parseMemory(size, seed, nodes);
    return { name, state, packed: packState(state), notes: [] };
  }
  const { memory: state, warnings: notes } = readMemoryState(resolve(folder, wanted.state));
  return { name: wanted.name ?? state.name, state, packed: packState(state), notes };
}

interface PreparedInput {
  readonly name: string;
  readonly inputs: ReadonlyMap<number, SweepInput>;
  /** That the workload models. */
  readonly platform?: string | undefined;
}

/** The requests of each seed. */
async function inputsOf(
  input: SweepInputDefinition,
  folder: string,
  { seeds, workloadPerSeed }: SweepDefinition,
): Promise<PreparedInput> {
  if (!('workload' in input)) {
    const shared = input.shared === undefined ? undefined : parseSharedExpression(input.shared);
    const { workload } = await importPacked(resolve(folder, input.trace), { shared });
    return sameForAll(workload, seeds);
  }
  const asked = (seed: number) => {
    const { workload, platform, isMemoryAsked } = askedWorkload(input.workload, seed);
    if (isMemoryAsked) throw new InputError(`workload '${input.workload}': give its memory in "memory"`);
    return { workload, platform };
  };
  const { workload, platform } = asked(seeds[0]);
  if (!workloadPerSeed) return { platform, ...sameForAll(workload, seeds) };
  const inputs = seeds.map((seed) => [seed, pack(asked(seed).workload, seed)] as const);
  return { platform, name: workload.name, inputs: new Map(inputs) };
}

function sameForAll(workload: Workload<Requests>, seeds: readonly number[]) {
  const input = pack(workload);
  return { name: workload.name, inputs: new Map(seeds.map((seed) => [seed, input])) };
}

/** `seed`: that it was generated from, if each seed has a workload of its own. */
function pack(workload: Workload<Requests>, seed?: number): SweepInput {
  const { name, description, requests, peakLivePages, notes } = workload;
  const lower = lowerBounds(requests, PAGES_PER_BLOCK);
  return {
    facts: {
      ...{
        name,
        ...(seed === undefined ? {} : { seed }),
        description,
        requests: requests.length,
        requestsHash: requestsHash(workload),
        peakLivePages,
      },
      lowerBounds: {
        blocksPeak: lower.blocksPeak,
        blockSeconds: Number(lower.blockNs) / 1e9,
        beyondSlots: fewConversions(requests, PAGES_PER_BLOCK, (request) => !mayTakeSlots(request)),
      },
      notes: [...notes, ...sizeNotes(workload)],
    },
    lowerBounds: lower,
    requests: packRequests(requests),
  };
}

/** Of x86Geometry(), whatever the memory. */
const PAGES_PER_BLOCK = 512;
