/**
 * Workloads as they are asked for: `NAME[:PARAMETER=VALUE,...]`, and several joined by `+`, which run side by side in one guest:
 * `virtio-net:queues=16+nvme:drives=4+file-churn`.
 */
import { type AllocationId, allocationId, InputError, type PlatformName, type Request } from '@decpool/model';
import { unknownName } from '@decpool/model/internal';
import { rangeText, type WorkloadGenerator } from './define.ts';
import { workloadNamed } from './registry.ts';
import { type Workload, workload } from './workload.ts';

export interface AskedWorkload {
  readonly workload: Workload;
  /** The platform that it models. */
  readonly platform?: PlatformName;
  /** Its memory, as `--memory` takes it: that of the machine which it models, or the value of `memory`. */
  readonly memory?: string;
  /** Whether `memory` was among the parameters. */
  readonly isMemoryAsked: boolean;
}

/** A parameter of every workload beside those in its table. */
const MEMORY = 'memory';

/**
 * `seed` is that of every part that gives none. Throws InputError for a workload or a parameter that does not exist, a value out of its
 * range, and parts that do not go together.
 */
export function askedWorkload(text: string, seed: number): AskedWorkload {
  const parts = text.split('+').map((part) => askedPart(part.trim(), seed));
  const twice = parts.find(({ name }, index) => parts.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) {
    throw new InputError(
      `workload '${text}': '${twice.name}' is there twice; expected each once, with its count`,
    );
  }
  const platform = onlyOne(
    text,
    'platforms',
    parts.map((part) => part.platform),
  );
  const asked = onlyOne(
    text,
    'memory sizes',
    parts.map((part) => part.askedMemory),
  );
  const memory = asked ?? parts.find((part) => part.memory !== undefined)?.memory;
  return {
    workload: parts.length === 1 ? parts[0].workload : joined(parts.map((part) => part.workload)),
    ...(platform === undefined ? {} : { platform }),
    ...(memory === undefined ? {} : { memory }),
    isMemoryAsked: asked !== undefined,
  };
}

function onlyOne<Value extends string>(
  text: string,
  what: string,
  values: readonly (Value | undefined)[],
): Value | undefined {
  const [first, second] = new Set(values.filter((value) => value !== undefined));
  if (second === undefined) return first;
  throw new InputError(`workload '${text}': its parts have different ${what}, ${first} and ${second}`);
}

interface Part extends Pick<WorkloadGenerator, 'name' | 'platform' | 'memory'> {
  readonly workload: Workload;
  readonly askedMemory: string | undefined;
}

function askedPart(text: string, seed: number): Part {
  const colon = text.indexOf(':');
  const generator = workloadNamed(colon === -1 ? text : text.slice(0, colon));
  const { name, parameters } = generator;
  const settings: Record<string, number> = { seed };
  let memory: string | undefined;
  for (const assignment of colon === -1 ? [] : text.slice(colon + 1).split(',')) {
    const [key, value] = assigned(assignment.trim(), name);
    if (key === MEMORY) memory = value;
    else if (Object.hasOwn(parameters, key)) {
      if (!/^\d+$/.test(value)) {
        throw new InputError(
          `workload ${name}: ${key} is '${value}'; expected ${rangeText(parameters[key])}`,
        );
      }
      settings[key] = Number(value);
    } else {
      const known = [...Object.keys(parameters), MEMORY];
      const listedBy = `decpool workloads ${name}`;
      throw unknownName({ kind: 'parameter', given: key, known, listedBy, place: `workload '${name}'` });
    }
  }
  return {
    ...{ name, askedMemory: memory },
    ...(generator.platform === undefined ? {} : { platform: generator.platform }),
    ...(generator.memory === undefined ? {} : { memory: generator.memory }),
    workload: { ...generator.generate(settings), name: text },
  };
}

function assigned(text: string, workloadName: string): readonly [key: string, value: string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new InputError(`workload ${workloadName}: '${text}': expected PARAMETER=VALUE, as in cpus=16`);
}

/** The requests of all in order of time; of an instant, those of the first workload first. Each starts at time 0. */
function joined(workloads: readonly Workload[]): Workload {
  const names = workloads.map(() => new Map<AllocationId, AllocationId>());
  const all = workloads.flatMap(({ requests }, part) => requests.map((request) => ({ request, part })));
  let last = 0;
  const rename = (part: number, allocation: AllocationId) => names[part].get(allocation) ?? allocation;
  const requests = all
    .sort((a, b) => a.request.time - b.request.time)
    .map(({ request, part }): Request => {
      switch (request.kind) {
        case 'allocate': {
          const allocation = allocationId(++last);
          names[part].set(request.allocation, allocation);
          return { ...request, allocation };
        }
        case 'background-allocate':
        case 'background-free':
          return { ...request, key: request.key * workloads.length + part };
        default:
          return { ...request, allocation: rename(part, request.allocation) };
      }
    });
  return workload({
    name: workloads.map(({ name }) => name).join('+'),
    description: workloads.map(({ description }) => description).join(' '),
    notes: [...new Set(workloads.flatMap(({ notes }) => notes))],
    requests,
  });
}
