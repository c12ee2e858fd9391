/** The rules of a policy, and how an error shows which one is broken. */
import { InputError, InvariantError } from '@decpool/model';
import { PolicyError } from '@decpool/pool';
import { POLICY_RULES } from '@decpool/pool/internal';
import { messageOf } from '../files/error-text.ts';

/** The rules that the engine enforces, and those that show only from outside. */
export const RULES = {
  ...POLICY_RULES,
  refusals: 'refuses with a reason that holds, and never a single page while all memory is free',
  'plain-vm': 'shares nothing outside a confidential VM',
  drained: 'holds nothing for anybody once all is freed',
  keeps: 'does not hold more and more while the same requests come again and again',
  invariants: 'leaves a state that a recount confirms',
  replay: 'says all that it does as events: their replay ends in the same state',
  deterministic: 'does the same for the same requests',
  'read-only': 'changes neither the requests nor the view',
  'throws-nothing': 'throws no exception',
} as const;
export type Rule = keyof typeof RULES;

export interface Violation {
  readonly rule: Rule;
  readonly message: string;
}

/** A broken rule, found while a history is played. */
export class Found extends Error {
  readonly rule: Rule;

  constructor(rule: Rule, message: string) {
    super(message);
    this.rule = rule;
  }
}

const READ_ONLY =
  /read only property|not extensible|Cannot (delete|redefine) property|which has only a getter/;

/** The rule that an exception shows to be broken. */
export function violationOf(error: unknown): Violation {
  const message = messageOf(error);
  if (error instanceof Found || error instanceof PolicyError) return { rule: error.rule, message };
  if (error instanceof InvariantError) return { rule: 'invariants', message };
  if (READ_ONLY.test(message)) return { rule: 'read-only', message };
  return { rule: 'throws-nothing', message: error instanceof InputError ? message : String(error) };
}

/** What is held after each round may grow for some time, while a policy learns, but not each time. */
export function expectNoGrowth(claimed: readonly number[]): void {
  if (claimed.length < 3) return;
  const isGrowing = claimed.slice(1).every((pages, index) => pages > claimed[index]);
  if (!isGrowing) return;
  throw new Found('keeps', `with all freed it held ${claimed.join(', ')} pages, round after round`);
}
