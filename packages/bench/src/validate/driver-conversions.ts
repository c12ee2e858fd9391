import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { readText } from '../files/read-text.ts';
import { dmaRequests, parseDmaRequest } from '../traces/formats/dma-requests.ts';

/** One set_memory_decrypted() or _encrypted() that a driver made, not the probe. */
export interface DriverConversion {
  readonly file: string;
  readonly line: number;
  readonly set: boolean;
  readonly pfn: number;
  readonly pages: number;
}

/**
 * The conversions of drivers in order of time, from the `dma-requests` trace beside the recording. Throws InputError for a
 * malformed line.
 */
export function driverConversionsBeside(recording: string): DriverConversion[] {
  const file = join(dirname(recording), 'dma_requests.ndjson.gz');
  if (!existsSync(file)) return [];
  return readText(file)
    .split('\n')
    .flatMap((text, index): DriverConversion[] => {
      if (text.trim() === '') return [];
      const parsed = parseDmaRequest(text);
      if ('reason' in parsed) {
        const found = `${parsed.reason}: '${text.slice(0, 60)}'`;
        throw new InputError(
          `${file}:${index + 1}: ${found}; expected ${dmaRequests.name}: ${dmaRequests.example}`,
        );
      }
      const { line } = parsed;
      if (line.op !== 'dec' && line.op !== 'enc') return [];
      return [{ file, line: index + 1, set: line.op === 'dec', pfn: line.pfn, pages: line.npages }];
    });
}
