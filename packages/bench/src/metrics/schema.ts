/** Metrics in files: results of comparisons and of sweeps. */
import * as z from 'zod';
import { UNITS } from '../text/units.ts';
import { BETTER } from './family.ts';
import type { Metric, MetricId } from './metric.ts';

/** Typed as the ids of this version. A file of another version may have others: tables show them by their own label. */
const idSchema = (text: z.ZodString) => text as unknown as z.ZodType<MetricId, MetricId>;

export const metricIdSchema = idSchema(z.string());

export const metricSchema = z.strictObject({
  id: idSchema(z.string().describe('Stable name, as splits-2m')),
  label: z.string().describe('What a table calls it'),
  unit: z.enum(UNITS),
  better: z.enum(BETTER).describe('neutral: compared, but not judged'),
  formula: z.string(),
  shown: z.literal('on-request').exactOptional().describe('Not judged by --check'),
}) satisfies z.ZodType<Metric>;
