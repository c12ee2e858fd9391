/** The error for a name that does not exist: what was given, the nearest names, and the command that lists all. */
import leven from 'leven';
import { InputError } from './errors.ts';

/** Up to so many names are listed in full. */
const MAX_LISTED = 8;
const MAX_NEAREST = 3;

export interface UnknownName {
  /** What the name should be: `platform`. */
  readonly kind: string;
  readonly given: string;
  readonly known: readonly string[];
  /** The command that lists every name: `decpool policies`. */
  readonly listedBy?: string;
  /** Where the name was given, ahead of the message: `--metrics`. */
  readonly place?: string;
}

/** `unknown workload 'netvcs'. Did you mean 'netvsc'? 'decpool workloads' lists all.` */
export function unknownName({ kind, given, known, listedBy, place }: UnknownName): InputError {
  const near = nearestNames(given, known);
  const all =
    known.length <= MAX_LISTED
      ? [`Expected one of: ${known.join(', ')}.`]
      : listedBy === undefined
        ? []
        : [`'${listedBy}' lists all.`];
  const parts = [
    `${place === undefined ? '' : `${place}: `}unknown ${kind} '${given}'.`,
    ...(near.length === 0 ? [] : [`Did you mean ${orList(near.map((name) => `'${name}'`))}?`]),
    ...all,
  ];
  return new InputError(parts.join(' '));
}

/** At most three names near the given one, nearest first: those that begin alike, then those a few typing mistakes away. */
export function nearestNames(given: string, known: readonly string[]): string[] {
  const wanted = given.toLowerCase();
  const maxDistance = Math.max(1, Math.floor(wanted.length * 0.4));
  return known
    .map((name, place) => ({ name, place, distance: distanceOf(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= maxDistance)
    .sort((a, b) => a.distance - b.distance || a.place - b.place)
    .slice(0, MAX_NEAREST)
    .map(({ name }) => name);
}

function distanceOf(wanted: string, name: string): number {
  const isPart = name.startsWith(wanted) || wanted.startsWith(name);
  return isPart && Math.min(wanted.length, name.length) >= 3 ? 0.5 : leven(wanted, name);
}

const orList = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
