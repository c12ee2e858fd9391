/**
 * What all code of a process shares: global objects and their prototypes. A policy file that changes them changes what decpool itself
 * computes, so it is found out, and they are put back. What looks for it must not use them: it has its own references, and no iterators.
 */
const { getOwnPropertyDescriptor, defineProperty, deleteProperty, ownKeys } = Reflect;
const { is, keys: enumerableKeys } = Object;

const SHARED: Readonly<Record<string, object>> = {
  ...{ Object, Function, Array, String, Number, Boolean, Symbol, BigInt, Math, JSON, Reflect },
  ...{ Map, Set, WeakMap, WeakSet, Promise, Date, RegExp, Error, TypeError, RangeError },
  ...{ ArrayBuffer, DataView, Uint8Array, Int32Array, Uint32Array, Float64Array, BigInt64Array },
};

interface Member {
  readonly key: PropertyKey;
  readonly descriptor: PropertyDescriptor;
}

interface Shared {
  readonly name: string;
  readonly object: object;
  readonly members: readonly Member[];
  /** Whether what is added to it shows up in every loop over an object. */
  readonly isPrototype: boolean;
}

/** Each object with the members that it has now. */
export type Snapshot = readonly Shared[];

/** The global objects and prototypes as they are. */
export function builtinsNow(): Snapshot {
  const all: Shared[] = [
    {
      name: 'globalThis',
      object: globalThis,
      members: membersOf(globalThis, Object.keys(SHARED)),
      isPrototype: false,
    },
  ];
  for (const [name, object] of Object.entries(SHARED)) {
    all.push({ name, object, members: membersOf(object, ownKeys(object)), isPrototype: false });
    const prototype: unknown = 'prototype' in object ? object.prototype : undefined;
    if (typeof prototype !== 'object' || prototype === null) continue;
    const members = membersOf(prototype, ownKeys(prototype));
    all.push({ name: `${name}.prototype`, object: prototype, members, isPrototype: true });
  }
  return all;
}

function membersOf(object: object, keys: readonly PropertyKey[]): Member[] {
  return keys.flatMap((key) => {
    const descriptor = getOwnPropertyDescriptor(object, key);
    // How traces of errors look is up to whoever prints them.
    const isFixed = key !== 'stackTraceLimit' && key !== 'prepareStackTrace';
    return descriptor !== undefined && isFixed ? [{ key, descriptor }] : [];
  });
}

/** Puts back what is not as it was. Returns the first such member, as `Array.prototype.map`; undefined if all are as they were. */
export function restored(before: Snapshot): string | undefined {
  let changed: string | undefined;
  for (let at = 0; at < before.length; at++) {
    const { name, object, members, isPrototype } = before[at];
    for (let index = 0; index < members.length; index++) {
      const { key, descriptor } = members[index];
      const now = getOwnPropertyDescriptor(object, key);
      if (now !== undefined && is(now.value, descriptor.value) && now.get === descriptor.get) continue;
      defineProperty(object, key, descriptor);
      changed ??= `${name}.${typeof key === 'symbol' ? 'a symbol' : key}`;
    }
    if (!isPrototype) continue;
    const keys = enumerableKeys(object);
    for (let index = 0; index < keys.length; index++) {
      if (hasMember(members, keys[index])) continue;
      deleteProperty(object, keys[index]);
      changed ??= `${name}.${keys[index]}`;
    }
  }
  return changed;
}

/** As they were before the first policy file was loaded. */
let watched: Snapshot | undefined;

/** From now on built-in objects are watched: the code of a policy file follows. */
export function watchBuiltins(): void {
  watched ??= builtinsNow();
}

/** Puts back what policy files have changed. Returns what is wrong, if anything is. */
export function changedBuiltins(): string | undefined {
  const changed = watched === undefined ? undefined : restored(watched);
  return changed === undefined
    ? undefined
    : `a policy file has changed ${changed}, which all of decpool uses; expected no change of built-in objects`;
}

function hasMember(members: readonly Member[], key: PropertyKey): boolean {
  for (let index = 0; index < members.length; index++) if (members[index].key === key) return true;
  return false;
}
