/** What a recorded kernel counted, as results.json has it. */
import * as z from 'zod';
import type { RecordedConversions } from '../traces/recording/conversions.ts';
import type { RecordedKernel } from '../traces/recording/recorded-kernel.ts';

const count = z.int().min(0);

const splits = { splits2M: z.int(), splits1G: z.int() };

const directMapSchema = z
  .strictObject({ by4K: count, by2M: count, by1G: count })
  .describe('DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo, bytes');

export const recordedSchema = z.strictObject({
  kernel: z.string().describe('Its release'),
  counters: z
    .strictObject({ ...splits, before: directMapSchema, after: directMapSchema })
    .describe('Of /proc: splits by conversions and by all other code'),
  conversions: z.strictObject({
    calls: count,
    failed: count.describe('Calls that returned an error'),
    kernel: z
      .strictObject(splits)
      .exactOptional()
      .describe("Splits by conversions alone, by the kernel's counts at each call and return"),
    rule: z
      .strictObject({
        ...splits,
        elsewhere: count.describe('Conversions of vmalloc areas, which it leaves out'),
      })
      .exactOptional()
      .describe('Splits by the split rule at the pages of the kernel'),
  }),
});

export const storedRecorded = ({ kernel, counters, conversions }: RecordedKernel) => ({
  kernel,
  counters,
  conversions: storedConversions(conversions),
});

const storedConversions = ({ calls, failed, kernel, rule }: RecordedConversions) => ({
  calls,
  failed,
  ...(kernel === undefined ? {} : { kernel }),
  ...(rule === undefined ? {} : { rule }),
});
