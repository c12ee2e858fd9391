/** What a workload states about itself. Its generator, its help and its row in docs/reference/workloads.md follow from that. */
import { InputError, type PlatformName, type Request } from '@decpool/model';
import type { KnownAnswer } from './known-answer.ts';
import { type Activity, guestRequests } from './timeline.ts';
import { type Workload, workload } from './workload.ts';

/** A whole number that a workload takes. */
export interface Parameter {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit?: 'pages' | 'bytes' | 'MiB' | '%' | 's' | 'per s';
  readonly isPowerOfTwo?: true;
  readonly about: string;
}

export type ParameterTable = Readonly<Record<string, Parameter>>;

type Values<Name extends PropertyKey> = Readonly<Record<Name, number>>;

/** A value for each parameter of a table. */
export type Settings<Table extends ParameterTable> = Values<keyof Table>;

/** A parameter of every workload that draws random numbers. */
export const SEED: Parameter = { default: 1, min: 0, max: 0xffffffff, about: 'seed of all random numbers' };

interface WorkloadFacts {
  readonly name: string;
  /** One or two short sentences, for `decpool workloads`. */
  readonly description: string;
  /** The platform that it models; undefined if its devices exist on several. */
  readonly platform?: PlatformName;
  /** The memory that it needs, as `--memory` takes it; undefined if any memory that is large enough will do. */
  readonly memory?: string;
}

interface WorkloadDefinition<Name extends string> extends WorkloadFacts {
  readonly parameters: Readonly<Record<Name, Parameter>>;
  /** Figures that runs with the default parameters must reach. */
  readonly expected?: (defaults: Values<Name>) => readonly KnownAnswer[];
  /** Throws InputError for parameters that do not go together. */
  readonly requests: (settings: Values<Name>) => readonly Request[];
  readonly text: (settings: Values<Name>) => Pick<Workload, 'description' | 'notes'>;
}

/** A workload that is generated, with its parameters. */
export interface WorkloadGenerator<Name extends string = string> extends WorkloadFacts {
  readonly parameters: Readonly<Record<Name, Parameter>>;
  readonly expected: readonly KnownAnswer[];
  /**
   * The workload; a parameter that is not given has its default. A workload without random numbers ignores the seed.
   * Throws InputError for a parameter out of range.
   */
  generate(settings?: Readonly<Partial<Record<Name | 'seed', number>>>): Workload;
}

export function defineWorkload<Name extends string>({
  requests,
  text,
  expected,
  ...facts
}: WorkloadDefinition<Name>): WorkloadGenerator<Name> {
  const { name, parameters } = facts;
  return {
    ...facts,
    expected: expected?.(settingsOf(name, parameters, {})) ?? [],
    generate(given) {
      const settings = settingsOf(name, parameters, given ?? {});
      return workload({ name, ...text(settings), requests: requests(settings) });
    },
  };
}

interface GuestDefinition<Name extends string>
  extends Pick<WorkloadDefinition<Name | 'seed'>, keyof WorkloadFacts | 'text'> {
  /** Without the seed, which every guest has. */
  readonly parameters: Readonly<Record<Name, Parameter>>;
  /** Everything that happens in the guest, from time 0. */
  readonly run: (guest: Activity, settings: Values<Name | 'seed'>) => void;
}

/** A workload made of the activities of one guest. */
export const defineGuest = <Name extends string>({ parameters, run, ...facts }: GuestDefinition<Name>) =>
  defineWorkload<Name | 'seed'>({
    ...facts,
    parameters: { seed: SEED, ...parameters },
    requests: (settings) => guestRequests(settings.seed, (guest) => run(guest, settings)),
  });

function settingsOf<Name extends string>(
  workload: string,
  parameters: Readonly<Record<Name, Parameter>>,
  given: Readonly<Partial<Record<string, number>>>,
): Values<Name> {
  const settings: Partial<Record<Name, number>> = {};
  for (const name of Object.keys(parameters) as Name[]) {
    const parameter = parameters[name];
    const value = given[name] ?? parameter.default;
    if (!isInRange(parameter, value)) {
      throw new InputError(`workload ${workload}: ${name} is ${value}; expected ${rangeText(parameter)}`);
    }
    settings[name] = value;
  }
  return settings as Record<Name, number>;
}

const isInRange = ({ min, max, isPowerOfTwo }: Parameter, value: number): boolean =>
  Number.isInteger(value) &&
  value >= min &&
  value <= max &&
  (isPowerOfTwo === undefined || 2 ** Math.round(Math.log2(value)) === value);

/** `a power of two from 2 to 1024`. */
export const rangeText = ({ min, max, isPowerOfTwo }: Parameter): string =>
  `${isPowerOfTwo === undefined ? 'a whole number' : 'a power of two'} from ${min} to ${max}`;
