/**
 * A time limit for the code of policy files, which may not return. V8 ends a script after its timeout, wherever it is. A script that
 * serves requests for 0.1 s costs nothing to begin, so each such slice is one: a request has its own limit but for 0.1 s.
 */
import { url as inspectorUrl } from 'node:inspector';
import { createContext, Script } from 'node:vm';
import { InputError } from '@decpool/model';

/** Seconds that a policy may take for a request, which needs microseconds: DECPOOL_POLICY_SECONDS; 0: no limit. Default: 60. */
function limitOf(given: string | undefined): number {
  const seconds = Number(given);
  return given === undefined || given === '' || !(seconds >= 0) ? 60 : seconds;
}
const LIMIT_SECONDS = limitOf(process.env['DECPOOL_POLICY_SECONDS']);
const SLICE_MS = 100;

/** A policy did not return. What it was doing is left as it was: no `finally` of its callers has run. */
export class EndlessPolicy extends InputError {}

let isLimited = false;
/** What is being called. */
let callee = () => 'the policy';
const place: { step: () => void } = { step: () => {} };
let context: object | undefined;
const script = new Script('step()');

/** From now on there is code of a policy file. Without it nothing here takes time. A debugger may stop that code for as long as it likes. */
export function limitTime(): void {
  isLimited = LIMIT_SECONDS > 0 && inspectorUrl() === undefined;
}

/** Says what is called next, for the message if it does not return. */
export function calling(what: () => string): void {
  callee = what;
}

/** Calls `serve` for each item until it returns false. Throws EndlessPolicy if a call takes longer than the limit. */
export function eachInTime<Item>(
  items: Iterable<Item>,
  serve: (item: Item) => unknown,
  limitSeconds = LIMIT_SECONDS,
): void {
  if (!isLimited) {
    for (const item of items) if (serve(item) === false) return;
    return;
  }
  const rest = items[Symbol.iterator]();
  let isOver = false;
  while (!isOver) {
    within(limitSeconds, () => {
      const end = performance.now() + SLICE_MS;
      do {
        const { done, value } = rest.next();
        isOver = done === true || serve(value) === false;
      } while (!isOver && performance.now() < end);
    });
  }
}

/** The result of a call. Throws EndlessPolicy if it takes longer than the limit. */
export function inTime<Result>(call: () => Result, limitSeconds = LIMIT_SECONDS): Result {
  if (!isLimited) return call();
  const results: Result[] = [];
  within(limitSeconds, () => void results.push(call()));
  return results[0];
}

function within(seconds: number, step: () => void): void {
  context ??= createContext(place);
  place.step = step;
  try {
    script.runInContext(context, { timeout: seconds * 1000 + SLICE_MS });
  } catch (error) {
    // An Error of the script's own context, so no Error of this one.
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new EndlessPolicy(`${callee()}: has not returned for ${seconds} s; expected a decision at once`);
  }
}
