/**
 * The results of a sweep: a row per scenario, policy and metric, over the seeds. They follow from the outline and the finished
 * cells alone.
 */
import { stringify } from 'csv-stringify/sync';
import * as z from 'zod';
import { readJson } from '../files/json.ts';
import { VERSION } from '../files/version.ts';
import { METRICS, type Metric } from '../metrics/metric.ts';
import { metricIdSchema, metricSchema } from '../metrics/schema.ts';
import {
  type FinishedCell,
  failedCellSchema,
  refusedCellSchema,
  type ServedCell,
  servedCellSchema,
} from './finished-cell.ts';
import type { SweepFolder } from './folder.ts';
import { keysOf, outlineShape, type SweepOutline } from './outline.ts';
import { fiveNumbersOf } from './quartiles.ts';

/** Version of the results' shape. */
const RESULTS_VERSION = 1;

const text = z.string();
const whole = z.int().min(0);
const rowSchema = z.strictObject({
  input: text,
  memory: text,
  platform: text,
  policy: text,
  metric: metricIdSchema,
  unit: metricSchema.shape.unit,
  better: metricSchema.shape.better,
  /** Runs that the figures are of: fewer than the definition has seeds where some were refused. */
  seeds: whole,
  median: z.number(),
  min: z.number(),
  max: z.number(),
  q1: z.number(),
  q3: z.number(),
  /** In the order of the seeds; not in the CSV. */
  values: z.array(z.number()).readonly(),
});
/** One metric of one policy in one scenario, over the seeds. */
export type SweepRow = Readonly<z.infer<typeof rowSchema>>;

const runSchema = z.union([
  servedCellSchema.omit({ key: true, metrics: true }),
  refusedCellSchema.omit({ key: true }),
  failedCellSchema.omit({ key: true }),
]);
/** One run of a sweep, or why its policy was refused, or why it failed. */
export type SweepRun = Readonly<z.infer<typeof runSchema>>;

const resultsSchema = z.strictObject({
  decpool: z.literal('sweep results'),
  version: z.literal(RESULTS_VERSION),
  /** Of the program that made them. */
  decpoolVersion: text,
  ...outlineShape,
  metrics: z.array(metricSchema).readonly(),
  runs: z.array(runSchema).readonly(),
  rows: z.array(rowSchema).readonly(),
});
/** All that a sweep found: its `results.json`. */
export type SweepResults = Readonly<z.infer<typeof resultsSchema>>;

/** Every cell of the outline must be among the finished ones. */
export function resultsOf(outline: SweepOutline, finished: ReadonlyMap<string, FinishedCell>): SweepResults {
  const inOrder = keysOf(outline).map((key) => {
    const cell = finished.get(key);
    if (cell === undefined) throw new TypeError(`cell ${key} has not been run`);
    return cell;
  });
  const { scenarios: _, ...facts } = outline;
  return {
    decpool: 'sweep results',
    version: RESULTS_VERSION,
    decpoolVersion: VERSION,
    ...facts,
    metrics: METRICS,
    runs: inOrder.map(runOf),
    rows: groupsOf(inOrder, outline.definition.seeds.length).flatMap((group) =>
      METRICS.filter(({ id }) => id in group[0].metrics).map((metric) => rowOf(group, metric)),
    ),
  };
}

/** As results.csv and results.json. */
export function writeResults(folder: SweepFolder, results: SweepResults): void {
  folder.write('results.csv', resultsCsv(results));
  folder.write('results.json', resultsJson(results));
}

function runOf({ key: _, ...run }: FinishedCell): SweepRun {
  if (!('metrics' in run)) return run;
  const { metrics: __, ...served } = run;
  return served;
}

/** The served cells that differ by their seed only: neighbours in the order of the plan. */
function groupsOf(cells: readonly FinishedCell[], seeds: number): ServedCell[][] {
  const groups = Array.from({ length: cells.length / seeds }, (_, group) =>
    cells.slice(group * seeds, (group + 1) * seeds).filter((cell): cell is ServedCell => 'metrics' in cell),
  );
  return groups.filter((group) => group.length > 0);
}

function rowOf(group: readonly ServedCell[], { id, unit, better }: Metric): SweepRow {
  const [{ input, memory, platform, policy }] = group;
  const { median, min, max, q1, q3, values } = fiveNumbersOf(group.map(({ metrics }) => metrics[id]));
  return {
    ...{ input, memory, platform, policy },
    ...{ metric: id, unit, better },
    ...{ seeds: values.length, median, min, max, q1, q3, values },
  };
}

const CSV_COLUMNS = Object.keys(rowSchema.shape).filter((name) => name !== 'values');

/** As a tidy table: a line per scenario, policy and metric. */
const resultsCsv = ({ rows }: SweepResults): string =>
  stringify([...rows], { header: true, columns: CSV_COLUMNS });

/** As JSON in which each element of a list has a line, so that one can search it and see what changed. */
function resultsJson(results: SweepResults): string {
  const parts = Object.entries(results).map(([name, value]) => {
    const json = Array.isArray(value)
      ? `[\n${value.map((element) => JSON.stringify(element)).join(',\n')}\n]`
      : JSON.stringify(value);
    return `${JSON.stringify(name)}: ${json}`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

/** Reads a results.json. Throws InputError that names the file, and the place in it. */
export const readSweepResults = (path: string): SweepResults => readJson(path, resultsSchema);
