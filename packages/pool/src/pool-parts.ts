/** A pool of three parts, which may come from a user's file that no compiler has seen: so their shape is checked. */
import { InputError } from '@decpool/model';
import { withoutPool } from './baselines/linux-7.3.ts';
import type { Conversion } from './conversion/conversion.ts';
import type { PlacementFactory } from './placement/placement.ts';
import type { PolicyFactory } from './policy.ts';
import { PoolPolicy } from './pool-policy.ts';
import type { SupplyFactory } from './supply/supply.ts';

/**
 * A policy made of three strategies: `export default poolPolicy(mine, blockConversion, immediate)`. It throws InputError when it is
 * made for a guest, if a part has no name or lacks a function.
 */
export function poolPolicy(
  placement: PlacementFactory,
  conversion: Conversion,
  supply: SupplyFactory,
): PolicyFactory {
  return (view) => {
    expectFunction('placement', placement, '(map) => ({ name, place() })');
    expectFunction('supply', supply, 'immediate or hysteresis(2)');
    expectPart('conversion', conversion, ['unitPages', 'claimed', 'freed']);
    const made = supply();
    expectPart('supply', made, ['returnsAt']);
    const checked: PlacementFactory = (map) => {
      const places = placement(map);
      expectPart('placement', places, ['place']);
      return places;
    };
    const pool = new PoolPolicy(view, checked, conversion, made);
    return view.platform.confidential ? pool : withoutPool(pool.name)(view);
  };
}

type Kind = 'placement' | 'conversion' | 'supply';

/** Throws InputError if the part is not a function; `example` is one that would do. */
function expectFunction(kind: Kind, part: unknown, example: string): void {
  if (typeof part === 'function') return;
  throw new InputError(
    `poolPolicy(): the ${kind} is ${described(part)}; expected a function, such as ${example}`,
  );
}

/** Throws InputError if the part has no name or lacks one of these functions. */
function expectPart(kind: Kind, part: unknown, functions: readonly string[]): void {
  const shape = `{ name, ${functions.map((name) => `${name}()`).join(', ')} }`;
  if (typeof part === 'function') {
    const example = kind === 'conversion' ? 'granuleConversion(64)' : 'hysteresis(2)';
    throw new InputError(
      `poolPolicy(): the ${kind} is a function where ${shape} is expected; call it with its parameters, as in ${example}`,
    );
  }
  if (typeof part !== 'object' || part === null) {
    throw new InputError(`poolPolicy(): the ${kind} is ${described(part)}; expected ${shape}`);
  }
  const members = part as Readonly<Record<string, unknown>>;
  const { name } = members;
  if (typeof name !== 'string' || name === '') {
    throw new InputError(`poolPolicy(): the ${kind} has no name; expected a text, as in name: 'my-${kind}'`);
  }
  const missing = functions.find((each) => typeof members[each] !== 'function');
  if (missing !== undefined) throw new InputError(`poolPolicy(): the ${kind} '${name}' has no ${missing}()`);
}

const described = (part: unknown): string => (part === null ? 'null' : typeof part);
