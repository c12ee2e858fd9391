/**
 * Which of the allocations in a trace of the page allocator would be shared memory: `--shared EXPR`.
 *
 *     EXPR  = ALL { '|' ALL }
 *     ALL   = ONE { '&' ONE }
 *     ONE   = '!' ONE | '(' EXPR ')' | TERM
 *     TERM  = 'order' ('>=' | '=' | '<=') NUMBER | 'gfp' ('~' | '!~') FLAG | 'task' '=' GLOB | 'migratetype' '=' NAME
 *
 * The parser has a method per line of this grammar; each gives a function that tests one allocation.
 */
import { InputError, MAX_PAGE_ORDER, MIGRATETYPES, type Migratetype } from '@decpool/model';
import { gfpSpelling } from './events/gfp-flags.ts';

/** What an expression can ask about. */
export interface TracedAllocation {
  readonly order: number;
  readonly migratetype: Migratetype;
  /** Flags by the names that the trace prints, as in TraceGfp. */
  readonly gfp: ReadonlySet<string>;
  /** Name of the task without its PID. */
  readonly task: string;
}

export interface SharedExpression {
  /** As it was written. */
  readonly text: string;
  matches(allocation: TracedAllocation): boolean;
}

/** For messages. */
export const SHARED_EXAMPLE = "--shared 'order>=4 & gfp~GFP_KERNEL'";

/** Throws InputError that points at the column (from 1) and says what is expected there. */
export function parseSharedExpression(text: string): SharedExpression {
  return { text, matches: new Parser(text).parse() };
}

type Test = (allocation: TracedAllocation) => boolean;

/** What a term can be about, with the comparisons it has: longer ones first, as they are tried in order. */
const COMPARISONS = {
  order: ['>=', '<=', '='],
  gfp: ['!~', '~'],
  task: ['='],
  migratetype: ['='],
} as const;
type Subject = keyof typeof COMPARISONS;
const SUBJECTS = Object.keys(COMPARISONS) as readonly Subject[];

const A_TERM = `a term (${SUBJECTS.join(', ')}), ! or (`;

/** Deeper than anybody nests by hand, and shallow enough for the stack. */
const MAX_DEPTH = 100;

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Test {
    const test = this.#expression();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#expected('& or | or the end');
    return test;
  }

  #expression(): Test {
    let test = this.#all();
    while (this.#accept('|')) {
      const [left, right] = [test, this.#all()];
      test = (allocation) => left(allocation) || right(allocation);
    }
    return test;
  }

  #all(): Test {
    let test = this.#one();
    while (this.#accept('&')) {
      const [left, right] = [test, this.#one()];
      test = (allocation) => left(allocation) && right(allocation);
    }
    return test;
  }

  #one(): Test {
    if (++this.#depth > MAX_DEPTH) throw this.#expected(`at most ${MAX_DEPTH} levels of ! and (`);
    const test = this.#oneAtThisDepth();
    this.#depth--;
    return test;
  }

  #oneAtThisDepth(): Test {
    if (this.#accept('!')) {
      const test = this.#one();
      return (allocation) => !test(allocation);
    }
    if (!this.#accept('(')) return this.#term();
    const test = this.#expression();
    if (!this.#accept(')')) throw this.#expected('& or | or )');
    return test;
  }

  #term(): Test {
    const subject = this.#subject();
    const comparison = this.#comparison(subject);
    switch (subject) {
      case 'order':
        return this.#order(comparison);
      case 'gfp':
        return this.#gfp(comparison);
      case 'task':
        return this.#task();
      case 'migratetype':
        return this.#migratetype();
    }
  }

  #subject(): Subject {
    this.#skipSpace();
    const word = this.#peek(/[a-z_]+/y);
    const subject = SUBJECTS.find((candidate) => candidate === word);
    if (subject === undefined) throw this.#expected(A_TERM);
    this.#at += subject.length;
    return subject;
  }

  #comparison(subject: Subject): string {
    const found = COMPARISONS[subject].find((candidate) => this.#accept(candidate));
    if (found === undefined) throw this.#expected(`${COMPARISONS[subject].join(' or ')} after ${subject}`);
    return found;
  }

  #order(comparison: string): Test {
    const text = this.#value(/\d+/y);
    const wanted = Number(text);
    if (text === '' || wanted > MAX_PAGE_ORDER) throw this.#expected(`an order from 0 to ${MAX_PAGE_ORDER}`);
    this.#at += text.length;
    if (comparison === '>=') return ({ order }) => order >= wanted;
    if (comparison === '<=') return ({ order }) => order <= wanted;
    return ({ order }) => order === wanted;
  }

  #gfp(comparison: string): Test {
    const text = this.#value(/(?:__)?GFP_[A-Z0-9_]+/y);
    if (text === '') throw this.#expected('a flag such as GFP_ATOMIC or __GFP_ZERO');
    this.#at += text.length;
    const flag = gfpSpelling(text);
    return comparison === '~' ? ({ gfp }) => gfp.has(flag) : ({ gfp }) => !gfp.has(flag);
  }

  #task(): Test {
    const text = this.#value(/"[^"]+"|'[^']+'|[^\s&|()!"']+/y);
    if (text === '') throw this.#expected('a task name (with * and ? for any; in quotes if it has spaces)');
    this.#at += text.length;
    const glob = /^["']/.test(text) ? text.slice(1, -1) : text;
    return ({ task }) => matchesGlob(glob, task);
  }

  #migratetype(): Test {
    const text = this.#value(/\w+/y);
    const wanted = MIGRATETYPES.find((name) => name.toLowerCase() === text.toLowerCase());
    if (wanted === undefined) throw this.#expected(`a migratetype (${MIGRATETYPES.join(', ')})`);
    this.#at += text.length;
    return ({ migratetype }) => migratetype === wanted;
  }

  #accept(symbol: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(symbol, this.#at)) return false;
    this.#at += symbol.length;
    return true;
  }

  /** The value here, still to be passed over; '' when there is none. */
  #value(pattern: RegExp): string {
    this.#skipSpace();
    return this.#peek(pattern);
  }

  /** What a sticky pattern matches here; '' when it does not. */
  #peek(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  #skipSpace(): void {
    this.#at += this.#peek(/\s*/y).length;
  }

  #expected(what: string): InputError {
    const found = this.#peek(/\w+|\S/y);
    return new InputError(
      [
        `--shared, column ${this.#at + 1}: expected ${what}, found ${found === '' ? 'the end' : `'${found}'`}`,
        `  ${this.#text.replace(/\s/g, ' ')}`,
        `  ${' '.repeat(this.#at)}^`,
      ].join('\n'),
    );
  }
}

/**
 * Whether a pattern with `*` (any text) and `?` (any character) matches all of a text. When it fails behind a `*`,
 * that star takes one character more: only the last star has to be tried again, so this is never exponential.
 */
function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let starText = 0;
  let position = 0;
  while (position < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      starText = position;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[position])) {
      at++;
      position++;
    } else if (star !== -1) {
      at = star + 1;
      position = ++starText;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
