import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { z } from 'zod';
import { readText } from './read-text.ts';

/** One set_memory_decrypted() or _encrypted() that a driver made, not the probe. */
export interface DriverConversion {
  readonly file: string;
  readonly line: number;
  readonly set: boolean;
  readonly pfn: number;
  readonly pages: number;
}

const FILE = 'dma_requests.ndjson.gz';

const Line = z.union([
  z.object({ op: z.enum(['dec', 'enc']), pfn: z.int().min(0), npages: z.int().min(1) }),
  z.object({ op: z.enum(['coherent_alloc', 'coherent_free']) }),
]);

/**
 * What drivers converted during the recording, in order of time, from the trace beside it; nothing when there
 * is no trace. Throws InputError for a malformed line.
 */
export function driverConversionsBeside(recording: string): DriverConversion[] {
  const file = join(dirname(recording), FILE);
  if (!existsSync(file)) return [];
  const conversions: DriverConversion[] = [];
  readText(file)
    .split('\n')
    .forEach((content, index) => {
      if (content.trim() === '') return;
      const parsed = parseLine(content);
      if (parsed === null) {
        throw new InputError(
          `${file}:${index + 1}: '${content.slice(0, 60)}'; expected {"op":"dec" or "enc","pfn":N,"npages":N} ` +
            'or {"op":"coherent_alloc" or "coherent_free"}',
        );
      }
      if (!('pfn' in parsed)) return;
      const { op, pfn, npages } = parsed;
      conversions.push({ file, line: index + 1, set: op === 'dec', pfn, pages: npages });
    });
  return conversions;
}

function parseLine(content: string): z.infer<typeof Line> | null {
  try {
    return Line.parse(JSON.parse(content));
  } catch {
    return null;
  }
}
