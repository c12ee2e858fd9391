/**
 * `--shared EXPR`: which allocations of a trace are requests for shared memory.
 *
 *     EXPR  = ALL { '|' ALL }
 *     ALL   = ONE { '&' ONE }
 *     ONE   = '!' ONE | '(' EXPR ')' | TERM
 *     TERM  = 'order' ('>=' | '=' | '<=') NUMBER | 'gfp' ('~' | '!~') FLAG | 'task' '=' GLOB | 'migratetype' '=' NAME
 *
 * The parser has a function per line of this grammar. Each returns a test of one allocation.
 */
import { InputError, MAX_PAGE_ORDER, type Migratetype } from '@decpool/model';
import { MIGRATETYPES } from '@decpool/model/internal';
import { gfpSpelling } from './events/gfp-flags.ts';

export interface TracedAllocation {
  readonly order: number;
  readonly migratetype: Migratetype;
  /** Flags by the names that the trace prints, as in TraceGfp. */
  readonly gfp: ReadonlySet<string>;
  /** Name of the task without its PID. */
  readonly task: string;
}

/** Which page allocations of a trace are for shared memory. */
export interface SharedExpression {
  /** As the user wrote it. */
  readonly text: string;
  /** The gfp flags that it names. */
  readonly gfpFlags: readonly string[];
  /** Whether the expression chooses this allocation. */
  matches(allocation: TracedAllocation): boolean;
}

export const SHARED_EXAMPLE = "--shared 'order>=4 & gfp~GFP_KERNEL'";

type Test = (allocation: TracedAllocation) => boolean;

interface Term {
  /** Tried in this order, so that `>=` is not read as `>`. */
  readonly comparisons: readonly string[];
  /** Sticky. */
  readonly value: RegExp;
  /** What the value must be, for messages. */
  readonly expected: string;
  /** Undefined if the value is not as expected. */
  test(comparison: string, value: string): Test | undefined;
}

const TERMS: Readonly<Record<string, Term>> = {
  order: {
    comparisons: ['>=', '<=', '='],
    value: /\d+/y,
    expected: `an order from 0 to ${MAX_PAGE_ORDER}`,
    test(comparison, value) {
      const wanted = Number(value);
      if (wanted > MAX_PAGE_ORDER) return undefined;
      if (comparison === '>=') return ({ order }) => order >= wanted;
      if (comparison === '<=') return ({ order }) => order <= wanted;
      return ({ order }) => order === wanted;
    },
  },
  gfp: {
    comparisons: ['!~', '~'],
    value: /(?:__)?GFP_[A-Z0-9_]+/y,
    expected: 'a flag such as GFP_ATOMIC or __GFP_ZERO',
    test(comparison, value) {
      const flag = gfpSpelling(value);
      return ({ gfp }) => gfp.has(flag) === (comparison === '~');
    },
  },
  task: {
    comparisons: ['='],
    value: /"[^"]+"|'[^']+'|[^\s&|()!"']+/y,
    expected: 'a task name (with * and ? for any; in quotes if it has spaces)',
    test(_, value) {
      const pattern = globPattern(/^["']/.test(value) ? value.slice(1, -1) : value);
      return ({ task }) => pattern.test(task);
    },
  },
  migratetype: {
    comparisons: ['='],
    value: /\w+/y,
    expected: `a migratetype (${MIGRATETYPES.join(', ')})`,
    test(_, value) {
      const wanted = MIGRATETYPES.find((name) => name.toLowerCase() === value.toLowerCase());
      return wanted === undefined ? undefined : ({ migratetype }) => migratetype === wanted;
    },
  },
};

/** Deeper expressions could overflow the call stack. */
const MAX_DEPTH = 100;

/** Throws InputError that points at the column (from 1) and says what is expected there. */
export function parseSharedExpression(text: string): SharedExpression {
  let at = 0;
  let depth = 0;
  const gfpFlags: string[] = [];

  function skipSpace(): void {
    while (/\s/.test(text.charAt(at))) at++;
  }

  /** The text that a sticky pattern matches after spaces; '' if it does not match. */
  function peek(pattern: RegExp): string {
    skipSpace();
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? '';
  }

  function accept(symbol: string): boolean {
    skipSpace();
    if (!text.startsWith(symbol, at)) return false;
    at += symbol.length;
    return true;
  }

  function expected(what: string): InputError {
    const found = peek(/\w+|\S/y);
    return new InputError(
      [
        `--shared, column ${at + 1}: expected ${what}, found ${found === '' ? 'the end' : `'${found}'`}`,
        `  ${text.replace(/\s/g, ' ')}`,
        `  ${' '.repeat(at)}^`,
      ].join('\n'),
    );
  }

  function expression(): Test {
    const tests = [all()];
    while (accept('|')) tests.push(all());
    return (allocation) => tests.some((test) => test(allocation));
  }

  function all(): Test {
    const tests = [one()];
    while (accept('&')) tests.push(one());
    return (allocation) => tests.every((test) => test(allocation));
  }

  function one(): Test {
    if (++depth > MAX_DEPTH) throw expected(`at most ${MAX_DEPTH} levels of ! and (`);
    const test = oneAtThisDepth();
    depth--;
    return test;
  }

  function oneAtThisDepth(): Test {
    if (accept('!')) {
      const test = one();
      return (allocation) => !test(allocation);
    }
    if (!accept('(')) return term();
    const test = expression();
    if (!accept(')')) throw expected('& or | or )');
    return test;
  }

  function term(): Test {
    const name = peek(/[a-z_]+/y);
    const found = Object.hasOwn(TERMS, name) ? TERMS[name] : undefined;
    if (found === undefined) throw expected(`a term (${Object.keys(TERMS).join(', ')}), ! or (`);
    at += name.length;
    const comparison = found.comparisons.find(accept);
    if (comparison === undefined) throw expected(`${found.comparisons.join(' or ')} after ${name}`);
    const value = peek(found.value);
    const test = value === '' ? undefined : found.test(comparison, value);
    if (test === undefined) throw expected(found.expected);
    at += value.length;
    if (name === 'gfp') gfpFlags.push(value);
    return test;
  }

  const matches = expression();
  if (peek(/\S/y) !== '') throw expected('& or | or the end');
  return { text, gfpFlags, matches };
}

/** A pattern for all of a text: `*` is any text, `?` any character. */
function globPattern(glob: string): RegExp {
  const [first, ...others] = glob
    .split('*')
    .map((part) => part.replace(/[^\w?]/g, '\\$&').replaceAll('?', '.'));
  const last = others.pop();
  if (last === undefined) return new RegExp(`^${first}$`, 's');
  // (?=(X))\1 never gives back characters that X matched, so a hostile pattern costs no exponential time.
  const middle = others.map((part, index) => `(?=(?<part${index}>.*?${part}))\\k<part${index}>`).join('');
  return new RegExp(`^${first}${middle}.*${last}$`, 's');
}
