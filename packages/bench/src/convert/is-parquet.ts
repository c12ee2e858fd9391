import { open } from 'node:fs/promises';

const PARQUET_MAGIC = 'PAR1';

/** Whether a file begins as a Parquet file does; false if it cannot be read. */
export async function isParquet(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const start = Buffer.alloc(PARQUET_MAGIC.length);
    await file.read(start, 0, start.length, 0);
    return start.toString('latin1') === PARQUET_MAGIC;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
