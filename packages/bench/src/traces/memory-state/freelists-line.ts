/** One line of a `freelists v1` file: fields by position, or as key=value. */

import type { Migratetype } from '@decpool/model';
import { InputError, MAX_PAGE_ORDER } from '@decpool/model';

/** Migratetypes by their numbers in the file: enum migratetype, include/linux/mmzone.h, with CONFIG_CMA. */
const TYPES: readonly Migratetype[] = ['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic', 'CMA', 'Isolate'];

export class FreelistsLine {
  readonly kind: string;
  readonly #fields: readonly string[];
  #names: readonly string[] = [];
  #form = '';

  constructor(
    readonly file: string,
    readonly number: number,
    text: string,
  ) {
    this.#fields = text.split(' ');
    this.kind = this.#fields[0];
  }

  fail(found: string, expected: string): never {
    throw new InputError(`${this.file}:${this.number}: ${found}; expected ${expected}`);
  }

  /** Names the fields: `a id order pfn`. `...` at the end stands for more of the last, `[...]` for fields that may be missing. */
  as(form: string): this {
    this.#form = form;
    const [required, optional] = form.split(' [');
    this.#names = form.replace(/[[\]]|\.\.\.$/g, '').split(' ');
    const given = this.#fields.length;
    const isRight =
      given === required.split(' ').length ||
      (optional !== undefined && given === this.#names.length) ||
      (form.endsWith('...') && given >= this.#names.length);
    return isRight ? this : this.fail(`${given} fields`, `'${form}'`);
  }

  text(name: string): string {
    return this.#fields[this.#names.indexOf(name)];
  }

  /** Fields from a named one on, without the last `without`. */
  rest(name: string, without = 0): string {
    return this.#fields.slice(this.#names.indexOf(name), this.#fields.length - without).join(' ');
  }

  last(): string {
    return this.#fields[this.#fields.length - 1];
  }

  has(name: string): boolean {
    return this.#names.indexOf(name) < this.#fields.length;
  }

  whole(name: string, limit = Number.MAX_SAFE_INTEGER): number {
    return this.#whole(this.text(name), name, limit);
  }

  #whole(text: string, name: string, limit: number): number {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : limit;
    if (value < limit) return value;
    const range = limit === Number.MAX_SAFE_INTEGER ? 'a whole number' : `0 to ${limit - 1}`;
    return this.fail(`${name} is '${text}'`, `${range} in '${this.#form}'`);
  }

  /** All fields from a named one on, as whole numbers. */
  wholes(name: string): number[] {
    return this.#fields
      .slice(this.#names.indexOf(name))
      .map((text) => this.#whole(text, name, Number.MAX_SAFE_INTEGER));
  }

  order(): number {
    return this.whole('order', MAX_PAGE_ORDER + 1);
  }

  type(): Migratetype {
    return TYPES[this.whole('type', TYPES.length)];
  }

  /** The type of pageblocks; undefined for -1, no memory. */
  blockType(): Migratetype | undefined {
    return this.text('type') === '-1' ? undefined : this.type();
  }

  /** The key=value fields. */
  values(): FreelistsValues {
    return new FreelistsValues(this, this.#fields);
  }
}

export class FreelistsValues {
  readonly #line: FreelistsLine;
  readonly #values: ReadonlyMap<string, string>;

  constructor(line: FreelistsLine, fields: readonly string[]) {
    this.#line = line;
    this.#values = new Map(
      fields
        .filter((field) => field.includes('='))
        .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
    );
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  text(key: string): string {
    return this.#values.get(key) ?? this.#line.fail(`no ${key}=`, `${key}= in a '${this.#line.kind}' line`);
  }

  /** A whole number, decimal or hexadecimal. */
  whole(key: string): number {
    const value = this.integer(key);
    return value >= 0 ? value : this.#line.fail(`${key}=${value}`, '0 or more');
  }

  integer(key: string): number {
    const text = this.text(key);
    if (/^(-?\d{1,15}|0x[0-9a-f]{1,13})$/i.test(text)) return Number(text);
    return this.#line.fail(`${key}=${text}`, 'a whole number');
  }

  wholes(key: string): number[] {
    const text = this.text(key);
    if (/^\d{1,15}(,\d{1,15})*$/.test(text)) return text.split(',').map(Number);
    return this.#line.fail(`${key}=${text}`, 'whole numbers with commas between them');
  }

  /** Those of the keys that the line has, as fields of an object: names of its fields by key. */
  wholesOf<Name extends string>(names: Readonly<Record<Name, string>>): Partial<Record<Name, number>> {
    const found = (Object.entries(names) as [Name, string][]).filter(([, key]) => this.has(key));
    return Object.fromEntries(found.map(([name, key]) => [name, this.whole(key)])) as Partial<
      Record<Name, number>
    >;
  }
}
