import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { DEFAULT_WORKER_DELAY, headerText, logHeader, PLAIN_PAGE_SOURCE, parseHeader } from './header.ts';
import { encodeHeaderLine } from './ndjson.ts';
import { header } from './testing.ts';
import { RULES_REVISION, SCHEMA_VERSION } from './upcast.ts';

describe('a header', () => {
  const asRead = () => JSON.parse(JSON.stringify(header));

  it('is read as it was written', () => {
    expect(parseHeader(asRead())).toEqual({ header, version: SCHEMA_VERSION });
    expect(headerText(header, SCHEMA_VERSION)).toBe(JSON.stringify(header));
  });

  it('says how the page source works and when the worker runs, also where nobody told', () => {
    expect(header.pageSource).toEqual({ kernel: '6.x', perCpuLists: false, compaction: false });
    expect(PLAIN_PAGE_SOURCE).toEqual(header.pageSource);
    expect(header.workerDelay).toBe(DEFAULT_WORKER_DELAY);
    expect(header).not.toHaveProperty('faults');
    expect(header).not.toHaveProperty('swiotlb');
  });

  it('is read as it was written with all that can be left out', () => {
    const { decpool, schema, memory, ...rest } = header;
    const full = logHeader({
      ...rest,
      memory: { ...memory, zones: memory.zones.map((zone) => ({ ...zone, node: 1 })) },
      workerDelay: 0,
      pageSource: { kernel: '7.x', perCpuLists: true, compaction: true, reclaim: true, cpus: 4 },
      swiotlb: { bytes: 2 ** 26, dynamic: true, areas: 4 },
      atomicPools: true,
      faults: { seed: 1, decrypt: 0.5, encrypt: 1, converted: 0, retries: 1000 },
      handovers: [
        { policy: 'first-fit', request: 0 },
        { policy: 'gfp-decrypted', request: 9 },
      ],
    });
    const { header: read } = parseHeader(JSON.parse(JSON.stringify(full)));
    expect(read).toEqual(full);
    expect(encodeHeaderLine(read)).toBe(encodeHeaderLine(full));
    expect([decpool, schema]).toEqual([full.decpool, full.schema]);
    const once = { ...full, handovers: [{ policy: 'first-fit', request: 0 }] };
    expect(parseHeader(once).header).toEqual(once);
  });

  it('is taken at the limits of what it may say, and refused beyond them', () => {
    const read = (change: (header: ReturnType<typeof asRead>) => void) => () => {
      const changed = asRead();
      change(changed);
      return parseHeader(changed);
    };
    const cpus = (count: number) => read((h) => Object.assign(h.pageSource, { cpus: count }));
    for (const count of [1, 256]) expect(cpus(count)).not.toThrow();
    for (const count of [0, 257]) expect(cpus(count)).toThrow('pageSource.cpus');
    const faults = (change: object) => {
      const none = { seed: 0, decrypt: 0, encrypt: 0, converted: 0, retries: 0 };
      return read((h) => Object.assign(h, { faults: { ...none, ...change } }));
    };
    for (const name of ['decrypt', 'encrypt', 'converted']) {
      for (const chance of [0, 1]) expect(faults({ [name]: chance })).not.toThrow();
      for (const chance of [-0.01, 1.01]) expect(faults({ [name]: chance })).toThrow(`faults.${name}`);
    }
    // 384 pages are all that the geometry has.
    const free = (counts: object) => read((h) => Object.assign(h.memory.zones[0].free.Movable, counts));
    expect(free({ 7: 1, 8: 1 })).not.toThrow();
    expect(free({ 0: 1, 7: 1, 8: 1 })).toThrow('385 free pages, more than the 384 pages');
    expect(read((h) => Object.assign(h, { rules: 1 }))).not.toThrow();
    expect(read((h) => Object.assign(h, { rules: 0 }))).toThrow("log header, 'rules'");
  });

  it('without a word of it has the worker run after a millisecond', () => {
    expect(DEFAULT_WORKER_DELAY).toBe(1_000_000);
  });

  it('is refused when it is made of parts that are none', () => {
    const { decpool: _, schema: __, ...parts } = header;
    expect(() => logHeader({ ...parts, seed: -1 })).toThrow("log header, 'seed'");
  });

  it('holds nothing that differs from run to run', () => {
    expect(encodeHeaderLine(parseHeader(asRead()).header)).toBe(encodeHeaderLine(header));
  });

  it.each<[string, (header: ReturnType<typeof asRead>) => void, string]>([
    [
      'a schema version before the first',
      (h) => Object.assign(h, { schema: 0 }),
      'schema version 0; this program reads versions 1 to 3',
    ],
    [
      'a schema version to come',
      (h) => Object.assign(h, { schema: 4 }),
      'schema version 4; this program reads versions 1 to 3',
    ],
    [
      'a broken schema version',
      (h) => Object.assign(h, { schema: 1.5 }),
      'schema version 1.5; this program reads',
    ],
    ['a schema version in words', (h) => Object.assign(h, { schema: '2' }), "log header, 'schema'"],
    ['no schema version', (h) => delete h.schema, "log header, 'schema'"],
    ['something else altogether', (h) => Object.assign(h, { decpool: 'x' }), "log header, 'decpool'"],
    ['an unknown key', (h) => Object.assign(h, { host: 'x' }), 'host'],
    ['an unknown platform', (h) => Object.assign(h.platform, { name: 'sgx' }), "log header, 'platform.name'"],
    [
      'host calls of no kind',
      (h) => Object.assign(h.platform.hostCalls, { kind: 'x' }),
      'platform.hostCalls',
    ],
    [
      'a geometry that is none',
      (h) => Object.assign(h.geometry, { pagesPerBlock: 500 }),
      'pagesPerBlock is 500',
    ],
    ['ten orders', (h) => h.memory.zones[0].free.CMA.pop(), "log header, 'memory.zones.0.free.CMA'"],
    ['a level that is none', (h) => h.memory.directMap.push([0, 1, 4]), "log header, 'memory.directMap.4"],
    ['granules of 8 KiB', (h) => Object.assign(h.platform, { granulePages: 2 }), 'platform.granulePages'],
    ['stray reads of no kind', (h) => Object.assign(h.platform, { strayRead: '' }), 'platform.strayRead'],
    ['a vmalloc address of no kind', (h) => delete h.platform.vmallocAddress, 'platform.vmallocAddress'],
    ['no worker delay', (h) => delete h.workerDelay, "log header, 'workerDelay'"],
    ['a kernel that is none', (h) => Object.assign(h.pageSource, { kernel: '5.x' }), 'pageSource.kernel'],
    ['an unknown setting', (h) => Object.assign(h.pageSource, { magic: true }), "log header, 'pageSource'"],
    ['bounce buffers of no size', (h) => Object.assign(h, { swiotlb: { dynamic: true } }), 'swiotlb.bytes'],
    [
      'faults without a seed',
      (h) => Object.assign(h, { faults: { decrypt: 0 } }),
      "log header, 'faults.seed'",
    ],
    [
      'faults more often than always',
      (h) => Object.assign(h, { faults: { seed: 1, decrypt: 1.5, encrypt: 0, converted: 0, retries: 0 } }),
      "log header, 'faults.decrypt'",
    ],
    ['a negative node', (h) => Object.assign(h.memory.zones[0], { node: -1 }), 'memory.zones.0.node'],
    ['a negative seed', (h) => Object.assign(h, { seed: -1 }), "log header, 'seed'"],
    [
      'a direct map beyond its memory',
      (h) => h.memory.directMap.push([320, 2 ** 40, 1]),
      'direct map has pages 320 to',
    ],
    ['no handover', (h) => Object.assign(h, { handovers: [] }), "log header, 'handovers'"],
    ['a handover to nobody', (h) => Object.assign(h, { handovers: [{ request: 1 }] }), 'handovers.0.policy'],
    [
      'a handover before all requests',
      (h) => Object.assign(h, { handovers: [{ policy: 'a', request: -1 }] }),
      'handovers.0.request',
    ],
    [
      'a direct map that overlaps',
      (h) => h.memory.directMap.push([319, 1, 1]),
      'the direct map has a run at page 319; expected 320',
    ],
    ['a direct map that descends', (h) => h.memory.directMap.reverse(), 'the direct map has a run at page'],
    [
      'RAM that overlaps',
      (h) => h.memory.zones[0].ram.push([5, 1]),
      "RAM of zone 'DMA' has a run at page 5; expected 384",
    ],
    [
      'more free pages than there are',
      (h) => Object.assign(h.memory.zones[0].free.Movable, { 10: 1 }),
      '1024 free pages, more than the 384 pages',
    ],
    [
      'more retries than a run could end',
      (h) => Object.assign(h, { faults: { seed: 1, decrypt: 0, encrypt: 0, converted: 0, retries: 1001 } }),
      "log header, 'faults.retries'",
    ],
    [
      'RAM beyond its geometry',
      (h) => h.memory.zones[0].ram.push([384, 1]),
      "RAM of zone 'DMA' has pages 384 to 384",
    ],
  ])('is refused with %s', (_, change, message) => {
    const wrong = asRead();
    change(wrong);
    expect(() => parseHeader(wrong)).toThrow(InputError);
    expect(() => parseHeader(wrong)).toThrow(message);
  });

  it.each([null, undefined, 7, 'x', [], {}])('is not %j', (value) => {
    expect(() => parseHeader(value)).toThrow(InputError);
  });

  it.each([1, 2])(
    'of schema version %d is read as one of today, decided under rules revision 1',
    (version) => {
      const { rules: _, ...old } = { ...asRead(), schema: version };
      expect(parseHeader(old)).toEqual({ header: { ...header, rules: 1 }, version });
      expect(old.schema).toBe(version);
      expect(() => parseHeader({ ...old, seed: -1 })).toThrow("log header, 'seed'");
      expect(() => parseHeader({ ...old, rules: 1 })).toThrow(`'rules': schema version ${version} has none`);
      expect(headerText(header, version)).toBe(
        JSON.stringify(header).replace(
          `"schema":${SCHEMA_VERSION},"rules":${RULES_REVISION}`,
          `"schema":${version}`,
        ),
      );
    },
  );

  it('has no prototype keys', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const text = JSON.stringify(header).replace('{', `{"${key}":{"seed":1,"polluted":true},`);
      let read: unknown;
      try {
        ({ header: read } = parseHeader(JSON.parse(text)));
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        continue;
      }
      expect(read).toEqual(header);
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    }
    expect({}).not.toHaveProperty('polluted');
  });
});
