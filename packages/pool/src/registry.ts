/** Every strategy and baseline by name: the one place where they are listed. */
import { InputError } from '@decpool/model';
import { genpool } from './baselines/genpool.ts';
import { gfpDecrypted } from './baselines/gfp-decrypted.ts';
import { linux612 } from './baselines/linux-6.12.ts';
import { linux73 } from './baselines/linux-7.3.ts';
import { swiotlb } from './baselines/swiotlb.ts';
import { blockConversion } from './conversion/block.ts';
import type { Conversion } from './conversion/conversion.ts';
import { pageConversion } from './conversion/page.ts';
import { bestFit } from './placement/best-fit.ts';
import { firstFit } from './placement/first-fit.ts';
import { longestFreeRange } from './placement/longest-free-range.ts';
import type { PlacementFactory } from './placement/placement.ts';
import type { PolicyFactory } from './policy.ts';
import { poolPolicy } from './pool-policy.ts';
import { immediate } from './supply/immediate.ts';
import { neverReturn } from './supply/never-return.ts';
import type { Supply } from './supply/supply.ts';
import { watermark } from './supply/watermark.ts';

export const BASELINES: Readonly<Record<string, PolicyFactory>> = {
  'linux-6.12': linux612,
  'linux-7.3': linux73,
  'gfp-decrypted': gfpDecrypted,
  genpool,
  swiotlb: swiotlb('fixed'),
  'swiotlb:dynamic': swiotlb('dynamic'),
};

export const PLACEMENTS: Readonly<Record<string, PlacementFactory>> = {
  'first-fit': firstFit,
  'best-fit': bestFit,
  'longest-free-range': longestFreeRange,
};

export const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  page: pageConversion,
  block: blockConversion,
};

/** A supply may take parameters behind its name: `watermark:64:256`. */
export const SUPPLIES: Readonly<Record<string, Supply | ((parameters: readonly string[]) => Supply)>> = {
  'never-return': neverReturn,
  immediate,
  watermark,
};

/**
 * A policy by its name on a command line: a baseline, or `PLACEMENT+CONVERSION+SUPPLY`.
 * Throws InputError that lists what there is.
 */
export function policyNamed(name: string): PolicyFactory {
  const parts = name.split('+');
  if (parts.length === 1 && Object.hasOwn(BASELINES, name)) return BASELINES[name];
  if (parts.length !== 3) {
    throw new InputError(
      `unknown policy '${name}'; expected a baseline (${list(BASELINES)}) or PLACEMENT+CONVERSION+SUPPLY, as in first-fit+block+immediate (placements: ${list(PLACEMENTS)}; conversions: ${list(CONVERSIONS)}; supplies: ${list(SUPPLIES)})`,
    );
  }
  return poolPolicy(
    pick(PLACEMENTS, parts[0], 'placement', name),
    pick(CONVERSIONS, parts[1], 'conversion', name),
    supplyNamed(parts[2], name),
  );
}

function supplyNamed(text: string, policy: string): Supply {
  const [name, ...parameters] = text.split(':');
  const supply = pick(SUPPLIES, name, 'supply', policy);
  if (typeof supply === 'function') return supply(parameters);
  if (parameters.length === 0) return supply;
  throw new InputError(`supply '${name}' in policy '${policy}' takes no parameters`);
}

const list = (known: Readonly<Record<string, unknown>>) => Object.keys(known).join(', ');

function pick<Strategy>(
  known: Readonly<Record<string, Strategy>>,
  name: string,
  kind: string,
  policy: string,
): Strategy {
  if (Object.hasOwn(known, name)) return known[name];
  throw new InputError(`unknown ${kind} '${name}' in policy '${policy}'; available: ${list(known)}`);
}
