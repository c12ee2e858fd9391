import { InvariantError } from '@decpool/model';

/** The rules of every policy that the engine enforces while it decides, a sentence each. */
export const POLICY_RULES = {
  'in-time': 'calls the recorder only while it is asked to decide',
  arguments: 'calls the recorder with runs, orders and reasons that there are',
  allocate: 'gives out only pages that it has claimed, that are shared and that nobody uses',
  reach: 'gives out only pages where the request may lie',
  contiguous: 'serves contiguous, naturally aligned pages, but for vmalloc',
  size: 'gives no more pages than the request takes',
  decided: 'serves every request in full or refuses it',
  fail: 'refuses only what holds no pages, and once',
  free: 'frees each extent of an allocation, in the order they were given, and all of them',
  'give-back': 'gives back only private pages of its own that nobody uses',
  convert: 'converts only pages of its own, in whole granules, out of the state that they are in',
  'may-sleep': 'converts nothing for a caller that may not sleep',
} as const;
/** Name of a rule that the engine enforces. */
export type PolicyRule = keyof typeof POLICY_RULES;

/** A policy broke a rule. The message names the policy, the request and what was wrong. */
export class PolicyError extends InvariantError {
  readonly rule: PolicyRule;

  constructor(rule: PolicyRule, message: string) {
    super(message);
    this.rule = rule;
  }
}
