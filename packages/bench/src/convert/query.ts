/**
 * SQL over a log, by DuckDB. The log becomes a temporary Parquet file; once that is open, DuckDB may touch no other file. No text of a
 * log is ever part of a statement: it gets there as rows and as values of parameters.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError, type LogHeader, type Seal } from '@decpool/model';
import { parseHeader, parseMark } from '@decpool/model/internal';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { messageOf } from '../files/error-text.ts';
import { optionalPackage } from '../files/optional-package.ts';
import { atPath } from '../log/byte-file.ts';
import { type ConvertOptions, convert } from './convert.ts';
import { isParquet } from './is-parquet.ts';
import { HEADER_KEY, SEAL_KEY } from './parquet.ts';

type DuckDB = typeof import('@duckdb/node-api');

export interface Column {
  readonly name: string;
  /** Whether its values are numbers. */
  readonly isNumber: boolean;
}

/** What a statement gives: its columns, and its rows some at a time. */
export interface Answer {
  readonly columns: readonly Column[];
  rows(): AsyncGenerator<readonly (readonly DuckDBValue[])[]>;
}

interface QueryOptions extends ConvertOptions {
  /** Loads DuckDB. */
  readonly load?: () => Promise<DuckDB>;
}

/**
 * Runs SQL over the tables `events`, `owners` and `header` of a log, or of a Parquet file that was made of one, and lets `use` read
 * what its last statement gives. Throws InputError with DuckDB's message for what is wrong in the SQL, and when DuckDB is not
 * installed.
 */
export async function query(
  path: string,
  sql: string,
  use: (answer: Answer) => Promise<void>,
  options: QueryOptions = {},
): Promise<void> {
  // Before the log is converted: that may take a while.
  const load = options.load ?? loadDuckDB;
  const duckdb = await load().catch((error: unknown) => {
    const [why] = messageOf(error).split('\n');
    throw new InputError(
      `DuckDB is not installed (${why}); run npm install @duckdb/node-api (Linux, macOS and Windows on x64 and arm64), or convert the log to .parquet for another program`,
    );
  });
  const folder = await mkdtemp(join(tmpdir(), 'decpool-query-'));
  try {
    const table = join(folder, 'events.parquet');
    // A name of our own: in the user's, DuckDB would take some characters for a pattern.
    if (await isParquet(path)) await symlink(resolve(path), table);
    else await convert(path, table, 'parquet', options);
    options.signal?.throwIfAborted();
    await queryTable(duckdb, { path, folder, table }, sql, use, options.signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const loadDuckDB = (): Promise<DuckDB> =>
  optionalPackage('@duckdb/node-api', () => import('@duckdb/node-api'));

interface Files {
  /** As the user gave it. */
  readonly path: string;
  /** Removed afterwards. */
  readonly folder: string;
  /** The events. */
  readonly table: string;
}

async function queryTable(
  duckdb: DuckDB,
  files: Files,
  sql: string,
  use: (answer: Answer) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const instance = await duckdb.DuckDBInstance.create(':memory:', { temp_directory: files.folder });
  const connection = await instance.connect();
  // Repeated: an interrupt between two statements is lost.
  let interrupts: NodeJS.Timeout | undefined;
  const interrupt = () => {
    interrupts = setInterval(() => connection.interrupt(), 20);
  };
  signal?.addEventListener('abort', interrupt);
  try {
    signal?.throwIfAborted();
    await openTables(connection, files);
    await use(await answerOf(duckdb, connection, sql));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    clearInterval(interrupts);
    connection.closeSync();
    instance.closeSync();
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

async function openTables(connection: DuckDBConnection, files: Files): Promise<void> {
  const table = quoted(files.table);
  const facts = await factsOf(connection, files);
  await connection.run(`CREATE VIEW events AS SELECT * FROM read_parquet(${table})`);
  await connection.run(
    `CREATE TABLE owners AS SELECT owner, name FROM events WHERE type = 'owner-registered' ORDER BY seq`,
  );
  await insertRow(connection, 'header', headerRow(facts.header, facts.seal));
  // The statements to come are the user's, but no mistake in them should reach a file.
  await connection.run(`SET allowed_paths = [${table}]`);
  await connection.run('SET autoinstall_known_extensions = false');
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** Makes a table of one row. */
async function insertRow(
  connection: DuckDBConnection,
  name: string,
  row: Readonly<Record<string, Fact>>,
): Promise<void> {
  const typeOf = (value: Fact) => SQL_TYPES[typeof value as keyof typeof SQL_TYPES];
  const columns = Object.entries(row).map(([column, value]) => `${column} ${typeOf(value)}`);
  await connection.run(`CREATE TABLE ${name} (${columns.join(', ')})`);
  const values = Object.values(row).map((value) => (typeof value === 'number' ? BigInt(value) : value));
  const places = values.map((_, at) => `$${at + 1}`);
  await connection.run(`INSERT INTO ${name} VALUES (${places.join(', ')})`, values);
}

type Fact = string | number | boolean;
const SQL_TYPES = { string: 'VARCHAR', number: 'BIGINT', boolean: 'BOOLEAN' } as const;

/** The row of the table `header`. */
function headerRow(header: LogHeader, seal: Seal): Readonly<Record<string, Fact>> {
  const { geometry, platform, memory, policy, seed, workerDelay, pageSource, workload } = header;
  return {
    workload: workload.name,
    requests_hash: workload.requests,
    policy,
    seed,
    memory: memory.name,
    platform: platform.name,
    granule_pages: platform.granulePages,
    page_bytes: 2 ** geometry.pageShift,
    pages_per_block: geometry.pagesPerBlock,
    blocks_per_region: geometry.blocksPerRegion,
    span_pages: geometry.spanPages,
    kernel: pageSource.kernel,
    worker_delay_ns: workerDelay,
    events: seal.events,
    state_hash: seal.stateHash,
    content_hash: seal.chain,
    is_cut_off: seal.isCutOff === true,
  };
}

/** Header and seal, out of the metadata of the Parquet file. */
async function factsOf(
  connection: DuckDBConnection,
  { path, table }: Files,
): Promise<{ header: LogHeader; seal: Seal }> {
  const select = async (what: string, source: string) => {
    try {
      return (await connection.runAndReadAll(`SELECT ${what} FROM ${source}(${quoted(table)})`)).getRows();
    } catch (error) {
      throw new InputError(`${path}: cannot be read: ${messageOf(error)}`);
    }
  };
  const entries = new Map(
    (await select('decode(key), decode(value)', 'parquet_kv_metadata')) as [string, string][],
  );
  const [[rows]] = await select('num_rows', 'parquet_file_metadata');
  const [header, seal] = [HEADER_KEY, SEAL_KEY].map((key) => parsed(entries.get(key)));
  if (header === undefined || seal === undefined) {
    throw new InputError(
      `${path}: was not written by 'decpool convert'; expected a Parquet file with a decpool header`,
    );
  }
  try {
    return { header: parseHeader(header).header, seal: parseMark('seal', seal, Number(rows)) };
  } catch (error) {
    throw atPath(path, error);
  }
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

async function answerOf(duckdb: DuckDB, connection: DuckDBConnection, sql: string): Promise<Answer> {
  const { DuckDBTypeId: id } = duckdb;
  const numbers: ReadonlySet<number> = new Set([
    ...[id.TINYINT, id.SMALLINT, id.INTEGER, id.BIGINT, id.HUGEINT],
    ...[id.UTINYINT, id.USMALLINT, id.UINTEGER, id.UBIGINT, id.UHUGEINT],
    ...[id.FLOAT, id.DOUBLE, id.DECIMAL],
  ]);
  await expectStatement(connection, sql);
  const result = await asInput(() => connection.stream(sql));
  const names = result.deduplicatedColumnNames();
  return {
    columns: names.map((name, index) => ({ name, isNumber: numbers.has(result.columnTypeId(index)) })),
    async *rows() {
      for (;;) {
        const chunk = await asInput(() => result.fetchChunk());
        if (chunk === null || chunk.rowCount === 0) return;
        yield chunk.getRows();
      }
    },
  };
}

/** DuckDB has no message for a text without a statement. */
async function expectStatement(connection: DuckDBConnection, sql: string): Promise<void> {
  const count = await connection.extractStatements(sql).then(
    (statements) => statements.count,
    (error: unknown) => (messageOf(error) === 'Error in native callback' ? 0 : 1),
  );
  if (count > 0) return;
  throw new InputError('no SQL statement; for example: SELECT type, count(*) FROM events GROUP BY type');
}

/** DuckDB's errors are about the user's SQL. */
async function asInput<Value>(run: () => Promise<Value>): Promise<Value> {
  try {
    return await run();
  } catch (error) {
    throw new InputError(messageOf(error).replace(/^Failed to extract statements: /, ''));
  }
}
