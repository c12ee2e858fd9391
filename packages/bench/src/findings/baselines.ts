import { BASELINES } from '@decpool/pool';
import type { PolicyFigures } from './scenarios.ts';

/** What a pool has to beat: two kernels and the prototype of 2024. */
export const COMPARED = ['linux-6.12', 'linux-7.3', 'gfp-decrypted'] as const;

/** Whether a policy is a pool that gathers what is shared; the others are what kernels do, or could do without one. */
export const isPool = ({ policy }: Pick<PolicyFigures, 'policy'>): boolean =>
  !Object.hasOwn(BASELINES, policy);
