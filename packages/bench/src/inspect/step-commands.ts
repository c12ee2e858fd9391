/** The commands of the stepper, as lines of text. */
import { InputError } from '@decpool/model';
import { EVENT_TYPES, unknownName } from '@decpool/model/internal';
import { parseTime } from '../text/time.ts';
import type { Wanted } from './wanted.ts';

export type StepCommand =
  | { readonly kind: 'move'; readonly by: number }
  | { readonly kind: 'go'; readonly to: number }
  | { readonly kind: 'time'; readonly ns: number }
  | { readonly kind: 'find'; readonly wanted: Wanted; readonly isBack: boolean }
  | { readonly kind: 'again'; readonly isBack: boolean }
  | { readonly kind: 'play'; readonly perSecond: number; readonly events: number }
  | { readonly kind: 'help' }
  | { readonly kind: 'quit' };

export const COMMAND_HELP = `n [COUNT]        forward: the next event, or so many
b [COUNT]        back
g POSITION       go: the state after so many events
t TIME           to a simulated time, as in 1.5s, 200ms, 17us or 1200 (ns)
/TEXT            to the next request of an owner whose name has TEXT in it; \\TEXT: the one before
f WHAT           to the next event that is WHAT; F WHAT: the one before. WHAT is
                 type NAME, block NUMBER, allocation ID, owner TEXT, failure or split
e, E             to the next failure, the one before
s, S             to the next split, the one before
r, R             the last search again, and the other way round
p RATE [COUNT]   play RATE events a second, COUNT in all (default: one second)
?                this help
q                quit`;

/** Events. */
const MAX_PER_SECOND = 1_000_000;

/** Reads a command. Throws InputError that says what would be right. */
export function parseCommand(line: string): StepCommand {
  const text = line.trim();
  if (text.startsWith('/') || text.startsWith('\\')) {
    return { kind: 'find', wanted: ownerLike(text.slice(1)), isBack: text.startsWith('\\') };
  }
  const [name, ...words] = text.split(/\s+/);
  const one = ONE_WORD.get(name);
  if (one !== undefined) return words.length === 0 ? one : refuse(`'${name}': expected nothing after it`);
  switch (name) {
    case 'n':
    case 'b': {
      const count = words.length === 0 ? 1 : number(words, 0, `${name} [COUNT], as in ${name} 100`);
      return { kind: 'move', by: name === 'n' ? count : -count };
    }
    case 'g':
      return { kind: 'go', to: number(words, 0, 'g POSITION, as in g 1200') };
    case 't':
      return { kind: 'time', ns: parseTime(words.join(' ')) };
    case 'f':
    case 'F':
      return { kind: 'find', wanted: wantedIn(words), isBack: name === 'F' };
    case 'p':
      return play(words);
  }
  return refuse(`unknown command '${text}'; ? lists the commands`);
}

const ONE_WORD: ReadonlyMap<string, StepCommand> = new Map<string, StepCommand>(
  Object.entries({
    e: { kind: 'find', wanted: { kind: 'failure' }, isBack: false },
    E: { kind: 'find', wanted: { kind: 'failure' }, isBack: true },
    s: { kind: 'find', wanted: { kind: 'split' }, isBack: false },
    S: { kind: 'find', wanted: { kind: 'split' }, isBack: true },
    r: { kind: 'again', isBack: false },
    R: { kind: 'again', isBack: true },
    '?': { kind: 'help' },
    q: { kind: 'quit' },
  } as const),
);

function refuse(message: string): never {
  throw new InputError(message);
}

function number(words: readonly string[], index: number, usage: string): number {
  const text = words[index] ?? '';
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || words.length > index + 1)
    refuse(`expected ${usage}`);
  return value;
}

function ownerLike(text: string): Wanted {
  return text.trim() === ''
    ? refuse('expected a part of the name of an owner, as in /netvsc')
    : { kind: 'owner', text: text.trim() };
}

function wantedIn([what, ...words]: readonly string[]): Wanted {
  switch (what) {
    case 'type': {
      const given = words.join(' ');
      const type = (EVENT_TYPES as readonly string[]).indexOf(given);
      if (type >= 0) return { kind: 'type', type };
      throw unknownName({
        kind: 'event type',
        given,
        known: EVENT_TYPES,
        listedBy: 'docs/reference/log-format.md',
      });
    }
    case 'block':
      return { kind: 'block', block: number(words, 0, 'f block NUMBER') };
    case 'allocation':
      return { kind: 'allocation', allocation: number(words, 0, 'f allocation ID') };
    case 'owner':
      return ownerLike(words.join(' '));
    case 'failure':
    case 'split':
      return words.length === 0 ? { kind: what } : refuse(`'f ${what}': expected nothing after it`);
  }
  return refuse('expected f type NAME, f block NUMBER, f allocation ID, f owner TEXT, f failure or f split');
}

function play(words: readonly string[]): StepCommand {
  const usage = 'p RATE [COUNT], as in p 100: events a second, and how many';
  const perSecond = number(words.slice(0, 1), 0, usage);
  if (perSecond < 1 || perSecond > MAX_PER_SECOND) refuse(`expected 1 to ${MAX_PER_SECOND} events a second`);
  const events = words.length < 2 ? perSecond : number(words, 1, usage);
  return { kind: 'play', perSecond, events };
}
