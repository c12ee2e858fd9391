import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import { Columns, type EventBatch, InputError, machineOf, platformNamed, type Seal } from '@decpool/model';
import { decodeState, SCHEMA_VERSION } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPolicy } from '../compare/run.ts';
import { replay } from '../rerun/replay.ts';
import { workload } from '../workloads/workload.ts';
import { LOG_FORMATS, type LogFormat } from './format.ts';
import type { LogPart } from './read.ts';
import { foldBytes, newWriter, partsOf, shortRun, writeLog } from './testing.ts';
import { openLogWriter } from './write.ts';

const FORMATS = Object.keys(LOG_FORMATS) as LogFormat[];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const eventsIn = (parts: readonly LogPart[]) =>
  parts.flatMap((part) => (part.kind === 'batch' ? [...part.batch] : []));

describe.each(FORMATS)('a log as %s', (format) => {
  const named = (name: string) => join(folder, `${name}-${format}${LOG_FORMATS[format]}`);

  const run = shortRun(40);
  const EVENTS = run.batches.flatMap((batch) => [...batch]);
  let seal: Seal;
  beforeAll(async () => {
    seal = await writeLog(named('whole'), format, run, { keyframeEvents: 100 });
  });

  it('gives back its header, every event in order, a keyframe and its seal', async () => {
    const parts = await partsOf(named('whole'));
    expect(parts[0]).toEqual({ kind: 'header', header: run.header, version: SCHEMA_VERSION });
    expect(eventsIn(parts)).toEqual(EVENTS);
    expect(parts.at(-1)).toEqual({ kind: 'seal', seal });
    expect(seal).toMatchObject({ events: run.events, stateHash: run.stateHash });
    const between = parts.slice(1, -1).map(({ kind }) => kind);
    expect(between.filter((kind) => kind === 'batch')).toHaveLength(run.batches.length);
    expect(between.filter((kind) => kind === 'keyframe')).toHaveLength(1);
    expect(between).toHaveLength(run.batches.length + 1);
  });

  it('has a keyframe that holds the state there, and behind which the others fold', async () => {
    const parts = await partsOf(named('whole'));
    const at = parts.findIndex(({ kind }) => kind === 'keyframe');
    const keyframe = (parts[at] as Extract<LogPart, { kind: 'keyframe' }>).keyframe;
    expect(keyframe.events).toBeGreaterThanOrEqual(100);
    expect(keyframe.events).toBe(eventsIn(parts.slice(0, at)).length);
    const columns = new Columns(machineOf(run.header), run.header.memory.directMap);
    decodeState(inflateRawSync(Buffer.from(keyframe.state, 'base64')), columns, keyframe.events);
    expect(columns.hash()).toBe(keyframe.stateHash);
    for (const part of parts.slice(at)) if (part.kind === 'batch') columns.fold(part.batch);
    expect(columns.hash()).toBe(seal.stateHash);
  });

  it('vouches for every segment, and for the whole with the hash of the last', async () => {
    const checkpoints = (await partsOf(named('whole'))).flatMap((part) =>
      part.kind === 'batch' ? [part] : [],
    );
    expect(checkpoints.every(({ isVouched }) => isVouched)).toBe(true);
    expect(new Set(checkpoints.map(({ checkpoint }) => checkpoint.chain)).size).toBe(run.batches.length);
    expect(checkpoints.at(-1)?.checkpoint.chain).toBe(seal.chain);
  });

  it('has the same content hashes in the other format', async () => {
    const other = FORMATS.find((name) => name !== format)!;
    const path = named('other');
    expect(await writeLog(path, other, run, { keyframeEvents: 100 })).toEqual(seal);
    const withoutBatches = (parts: readonly LogPart[]) =>
      parts.map((part) => (part.kind === 'batch' ? part.checkpoint : part));
    expect(withoutBatches(await partsOf(path))).toEqual(withoutBatches(await partsOf(named('whole'))));
  });

  it('reads the same from a gzip, whatever it is called', async () => {
    const zipped = join(folder, `${format}.log`);
    writeFileSync(zipped, gzipSync(readFileSync(named('whole'))));
    expect(eventsIn(await partsOf(zipped))).toEqual(EVENTS);
    expect(await replay(zipped)).toEqual(await replay(named('whole')));
  });

  it('reads what there is of a gzip that was cut off', async () => {
    const zipped = gzipSync(readFileSync(named('whole')), { level: 1 });
    const path = named('cut-gzip');
    for (const part of [0.01, 0.3, 0.6, 0.9]) {
      const cut = zipped.subarray(0, Math.floor(zipped.length * part));
      writeFileSync(path, cut);
      const unpacked = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH });
      if (part === 0.01)
        await expect(replay(path)).rejects.toThrow(`${path}: is empty; expected an event log`);
      else expect(await replay(path)).toMatchObject(await foldBytes(unpacked));
    }
    expect((await replay(path)).events).toBeGreaterThan(100);
    const damaged = Buffer.from(zipped);
    damaged[damaged.length - 6] ^= 1;
    writeFileSync(path, damaged);
    await expect(replay(path)).rejects.toThrow(`${path}: damaged gzip data: incorrect data check`);
  });

  it('folds to the state hash of its run', async () => {
    const { events, stateHash } = await replay(named('whole'));
    expect({ events, stateHash }).toEqual({ events: run.events, stateHash: run.stateHash });
  });

  it('folds to the state hash of its run whatever its owners are called', async () => {
    const names = ['\ud800', 'x\udfffy', '\ufffd', '\ufeffbom', '\u{1f980}', '', '__proto__', 'a\0b'];
    const batches: EventBatch[] = [];
    const pool = new Pool({
      memory: freshBoot(64 * 2 ** 20),
      platform: platformNamed('snp'),
      policy: policyNamed('first-fit+page+immediate'),
    });
    pool.batches$.subscribe((batch) => batches.push(batch));
    for (const owner of names) pool.alloc_pages(1, { owner });
    pool.complete();
    const named = { header: pool.header, batches, events: pool.counters.events, stateHash: pool.hash() };
    const path = join(folder, `names${LOG_FORMATS[format]}`);
    await writeLog(path, format, named);
    expect((await replay(path)).stateHash).toBe(named.stateHash);
  });

  it('has its name only once it is finished', async () => {
    const path = named('unfinished');
    const writer = await newWriter(path, format, run.header, { keyframeEvents: 100 });
    for (const batch of run.batches) await writer.write(batch);
    expect(existsSync(path)).toBe(false);
    await writer.finish(run.stateHash);
    expect(readdirSync(folder).filter((name) => name.startsWith(`unfinished-${format}`))).toEqual([
      `unfinished-${format}${LOG_FORMATS[format]}`,
    ]);
    expect(readFileSync(path)).toEqual(readFileSync(named('whole')));
  });

  it('has every segment in its file once it is written, whatever happens then', async () => {
    const path = named('killed');
    const writer = await newWriter(path, format, run.header);
    for (const batch of run.batches.slice(0, 7)) {
      await writer.write(batch);
      const { events, seal: none } = await replay(writer.partial);
      expect({ events, none }).toEqual({ events: batch.firstSeq + batch.length, none: undefined });
      expect(writer.flushed).toBe(events);
    }
    await writer.abort();
    expect(readdirSync(folder).filter((name) => name.startsWith(`killed-${format}`))).toEqual([]);
  });

  it('is not sealed with a state that its events do not lead to', async () => {
    const writer = await newWriter(named('wrong'), format, run.header);
    await writer.write(run.batches[0]);
    await expect(writer.finish(run.stateHash)).rejects.toThrow(
      /lead to the state [0-9a-f]{64}, the run is in/,
    );
    await writer.abort();
  });

  it('is not written twice at once', async () => {
    const writer = await newWriter(named('twice'), format, run.header);
    await expect(openLogWriter(named('twice'), format, run.header)).rejects.toThrow(InputError);
    await writer.abort();
  });

  it('is not there when its run failed, not even in part', async () => {
    // 2^20 pages are more than the guest has: the pool refuses the second request as none.
    const requests = [4, 2 ** 20].map((pages, index) => ({
      kind: 'allocate' as const,
      time: 0 as never,
      allocation: (index + 1) as never,
      api: 'vmalloc' as const,
      pages,
      bytes: pages,
      owner: 'a',
    }));
    const run = runPolicy({
      workload: workload({ name: 'too much', description: '', requests, notes: [] }),
      memory: freshBoot(64 * 2 ** 20),
      platform: platformNamed('snp'),
      policy: policyNamed('gfp-decrypted'),
      seed: 1,
      requests: '',
      log: { path: named('failed'), format },
    });
    await expect(run).rejects.toThrow(/^workload 'too much', request 2: .*1048576 pages/);
    expect(readdirSync(folder).filter((name) => name.startsWith(`failed-${format}`))).toEqual([]);
  });

  it('cannot be written where there is no folder', async () => {
    const path = join(folder, 'none', 'a.log');
    const writer = openLogWriter(path, format, run.header);
    await expect(writer).rejects.toThrow(InputError);
    await expect(writer).rejects.toThrow(`${path}.partial: cannot be written: ENOENT`);
  });

  it('is the same whatever its segments, but for what vouches for them', async () => {
    const path = named('segments');
    const large = shortRun(40, 64);
    const { chain, ...facts } = await writeLog(path, format, large);
    expect(facts).toEqual({ events: run.events, stateHash: run.stateHash });
    expect(chain).not.toBe(seal.chain);
    expect(eventsIn(await partsOf(path))).toEqual(EVENTS);
  });
});

/** A log that was written by an earlier version. */
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

describe('a log of schema version 2', () => {
  // Written by the command; the policies, platforms and settings differ in all that a log's header can say.
  it.each([
    // linux-7.3 on hyperv-vtom, page allocator of 7.x with per-CPU lists.
    ['v2-kernel.arrow.gz', 5761, 'b6a1524bdc390bb236e4e25cda55feaecb8f17be6b59050ccb76a93658471a90'],
    // longest-free-range, the same requests.
    ['v2-pool.arrow.gz', 2505, '6268bd9d265e7b7aeb1abd71728254a0de7a464ae78fbde9eddacba1c17f1bf8'],
    // gfp-decrypted on cca-bbml3, granules of 16 KiB, compaction.
    ['v2-realm.ndjson.gz', 1052, '30a6a0588594e70b183555a7d61ae0f6c8c0fbb3e902b17ae678dd6232a0c74a'],
    // llfree+granule, the same requests.
    ['v2-granule.ndjson.gz', 520, '0d6e973050abd6054c2caf0761b35956db6f25012c9cc30fb42e68a9548fdee4'],
    // first-fit+immediate on tdx: slabs.
    ['v2-slabs.ndjson.gz', 1167, '73c5360342b150748d1289d6e04469d903f6493e0d21961545f0ed3b2b28db3c'],
    // first-fit+page+watermark:64:512 on snp: a reserve, and conversions that fail.
    ['v2-faults.ndjson.gz', 1424, '9e809338283f60ac592f7a680bc69c0170fbf13be619083f7b501b8cb86ee5ea'],
    // swiotlb:dynamic on cca: bounce buffers, requests of a kernel that boots.
    ['v2-bounce.arrow.gz', 27672, '7d570d756e5e5124d8fcd9bab926623bd13f7f0874169e08cbb8595c9c765433'],
  ])('replays to the state hash that its run had: %s', async (name, events, stateHash) => {
    const result = await replay(fixture(name));
    expect(result).toMatchObject({ events, stateHash, seal: { events, stateHash }, torn: undefined });
  });
});

describe('a log of schema version 1', () => {
  it.each([
    ['v1-pool.ndjson.gz', 1933, 'd81acf84b1edc0969cf93709cd7da255836f52dea98a525d3e0d3154ac934b71'],
    ['v1-kernel.arrow.gz', 16630, '58774ece90650bc64a27eb758a3e0fbcebc11ebf930c67f9541e15f105434ff2'],
    ['v1-realm.ndjson.gz', 2033, 'd5bbe59fc6cddda5c8e6b3fa3399b3b6dd19d3a35ac5b18410b57ba429d76d98'],
  ])('replays to what its run came to: %s', async (name, events, stateHash) => {
    const result = await replay(fixture(name));
    expect(result).toMatchObject({ events, stateHash, seal: { events, stateHash }, torn: undefined });
    expect(result.metrics.length).toBeGreaterThan(20);
  });

  it('is read as one of today, for which nobody vouches, and is written again as one', async () => {
    for (const [name, format] of [
      ['v1-pool.ndjson.gz', 'arrow'],
      ['v1-kernel.arrow.gz', 'ndjson'],
    ] as const) {
      const parts = await partsOf(fixture(name));
      const [first] = parts;
      if (first.kind !== 'header') throw new Error('a log begins with its header');
      expect({ version: first.version, schema: first.header.schema }).toEqual({ version: 1, schema: 3 });
      const batches = parts.flatMap((part) => (part.kind === 'batch' ? [part] : []));
      expect(batches.every(({ isVouched }) => !isVouched)).toBe(true);
      const path = join(folder, `again${LOG_FORMATS[format]}`);
      const { stateHash } = await replay(fixture(name));
      const run = { header: first.header, batches: batches.map(({ batch }) => batch), events: 0, stateHash };
      const seal = await writeLog(path, format, run);
      const again = await replay(path);
      expect(again).toMatchObject({ stateHash, seal });
      expect(eventsIn(await partsOf(path))).toEqual(eventsIn(parts));
    }
  });

  it('that was cut off within its gzip has all that is in there', async () => {
    const zipped = readFileSync(fixture('v1-kernel.arrow.gz'));
    const path = join(folder, 'v1-cut.arrow.gz');
    for (const part of [0.4, 0.7, 0.95]) {
      const cut = zipped.subarray(0, Math.floor(zipped.length * part));
      writeFileSync(path, cut);
      const unpacked = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH });
      expect(await replay(path)).toMatchObject(await foldBytes(unpacked));
    }
  });

  it('that was cut off has no seal, and its events up to there', async () => {
    const text = gunzipSync(readFileSync(fixture('v1-pool.ndjson.gz'))).toString();
    const path = join(folder, 'v1-cut.ndjson');
    const lines = text.split('\n');
    writeFileSync(path, `${lines.slice(0, 101).join('\n')}\n${lines[101].slice(0, 20)}`);
    expect(await replay(path)).toMatchObject({
      events: 100,
      seal: undefined,
      torn: { kind: 'torn', events: 0, bytes: 20 },
    });
  });
});
