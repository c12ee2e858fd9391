/** Events as a table for SQL: a column for each field that some event type has, NULL in rows whose type lacks it. */
import { GFP_KERNEL, type PoolEvent } from '@decpool/model';
import { EVENT_TYPES, type Field, fieldsOf, gfpName } from '@decpool/model/internal';

/** `int` has 32 bits, `bigint` 64. Both are signed, so that SQL can subtract them. */
export type ValueType = 'flag' | 'int' | 'bigint' | 'text';

export type Value = number | string | boolean | null;

export interface TableColumn {
  readonly name: string;
  readonly type: ValueType;
  /** Whether each row has a value. */
  readonly isRequired: boolean;
  /** Field of the event, or of the names added to it. */
  readonly field: string;
}

/** `offset` is a word of SQL. */
const RENAMED: Readonly<Record<string, string>> = { offset: 'area_offset', time: 'time_ns' };
/** The fields that most queries are about come first. */
const FIRST = ['allocation', 'pfn', 'pages', 'bytes', 'owner'];

const column = (field: string, type: ValueType, isRequired = false): TableColumn => ({
  name: RENAMED[field] ?? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  type,
  isRequired,
  field,
});

function typeOf(name: string, { kind, column, bits }: Field): ValueType {
  if (kind === 'flag') return 'flag';
  if (kind === 'attribute') return name === 'gfp' ? 'text' : 'int';
  if (kind === 'choice') return [...(bits?.keys() ?? [])].every(Number.isInteger) ? 'int' : 'text';
  if (kind === 'name') return 'text';
  return column === 'owner' ? 'int' : 'bigint';
}

/** The fields of all event types, each once, in the order in which the types list them. */
function fieldColumns(): TableColumn[] {
  const fields = new Map(EVENT_TYPES.flatMap((type) => Object.entries(fieldsOf(type))));
  const names = new Set([...FIRST, ...fields.keys()]);
  return [...names].flatMap((name) => {
    const field = fields.get(name);
    if (field === undefined) return [];
    const own = column(name, typeOf(name, field));
    return field.column === 'owner' ? [own, column(`${name}Name`, 'text')] : [own];
  });
}

/** Columns of the table `events`. `time_ns` is simulated ns, `pfn` a page frame number, `pages` are base pages. */
export const EVENT_TABLE: readonly TableColumn[] = [
  column('seq', 'bigint', true),
  column('time', 'bigint', true),
  column('request', 'bigint', true),
  column('type', 'text', true),
  ...fieldColumns(),
];

const DEFAULT_GFP = gfpName(GFP_KERNEL);

/** Rows of the table `events`, column by column. Made for up to `capacity` rows. */
export class EventTableRows {
  readonly #capacity: number;
  readonly #ownerNames = new Map<number, string>();
  #values = new Map<string, Value[]>();
  length = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get isFull(): boolean {
    return this.length === this.#capacity;
  }

  append(event: PoolEvent): void {
    for (const [field, value] of Object.entries(event)) this.#put(field, value);
    if (event.type === 'owner-registered') this.#ownerNames.set(event.owner, event.name);
    if ('owner' in event) this.#put('ownerName', this.#ownerNames.get(event.owner) ?? null);
    if ('cache' in event) this.#put('cacheName', this.#ownerNames.get(event.cache) ?? null);
    // Event objects leave out what is usual; in SQL a condition on NULL would miss it.
    if ('gfp' in fieldsOf(event.type) && !('gfp' in event)) this.#put('gfp', DEFAULT_GFP);
    if (event.type === 'conversion-failed') this.#put('converted', event.converted === true);
    this.length++;
  }

  #put(field: string, value: Value): void {
    let values = this.#values.get(field);
    if (values === undefined) {
      values = new Array<Value>(this.#capacity).fill(null);
      this.#values.set(field, values);
    }
    values[this.length] = value;
  }

  /** Hands the values over, in the order of EVENT_TABLE, and starts afresh. */
  take(): Value[][] {
    const absent = new Array<Value>(this.length).fill(null);
    const taken = EVENT_TABLE.map(({ field }) => {
      const values = this.#values.get(field) ?? absent;
      values.length = this.length;
      return values;
    });
    this.#values = new Map();
    this.length = 0;
    return taken;
  }
}
