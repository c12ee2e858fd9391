/** What the specs of the inspection share: small runs of a real pool, as logs. */
import { type Platform, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import type { LogFormat } from '../log/format.ts';
import { type OpenLog, openLog } from '../log/open.ts';
import { openLogWriter } from '../log/write.ts';

export interface Written {
  readonly policy?: string;
  readonly format?: LogFormat;
  readonly batchRows?: number;
  readonly keyframeEvents?: number;
  /** Leave the log under its partial name, as a run does that is killed. */
  readonly isCutOff?: boolean;
  readonly faults?: ConstructorParameters<typeof Pool>[0]['faults'];
  readonly swiotlb?: ConstructorParameters<typeof Pool>[0]['swiotlb'];
  readonly memoryBytes?: number;
  readonly platform?: Platform;
}

/** Lets a pool do what `run` asks of it, and writes what happens as a log. Returns its path. */
export async function writeRun(
  path: string,
  run: (pool: Pool) => void,
  options: Written = {},
): Promise<string> {
  const {
    policy = 'first-fit+page+immediate',
    format = 'arrow',
    batchRows = 4,
    keyframeEvents,
    isCutOff,
  } = options;
  const pool = new Pool({
    memory: freshBoot(options.memoryBytes ?? 64 * 2 ** 20),
    platform: options.platform ?? platformNamed('snp'),
    policy: policyNamed(policy),
    batchRows,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.swiotlb === undefined ? {} : { swiotlb: options.swiotlb }),
  });
  const writer = await openLogWriter(
    path,
    format,
    pool.header,
    keyframeEvents === undefined ? {} : { keyframeEvents },
  );
  const written: Promise<void>[] = [];
  let last = Promise.resolve();
  pool.batches$.subscribe((batch) => {
    last = last.then(() => writer.write(batch));
    written.push(last);
  });
  run(pool);
  pool.complete();
  await Promise.all(written);
  if (isCutOff === true) await writer.close();
  else await writer.finish(pool.hash());
  return isCutOff === true ? writer.partial : path;
}

/** Two rings, of which one goes again, an object, and a buffer of several extents. */
export function ringsAndBuffer(pool: Pool): void {
  const ring = pool.alloc_pages(1, { owner: 'ring', at: 1000 });
  pool.alloc_pages(0, { owner: 'doorbell', at: 2000 });
  pool.kmalloc(256, { owner: 'descriptor', at: 1_000_000 });
  pool.vmalloc(700, { owner: 'buffer', at: 1_500_000_000 });
  pool.free(ring.allocation, 2_000_000_000);
}

/** Opens a log, and closes it when `use` is done. */
export async function withLog<Value>(path: string, use: (log: OpenLog) => Promise<Value>): Promise<Value> {
  const log = await openLog(path);
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}
