import { type AllocateRequest, allocationId, GFP, nanoseconds, type Request } from '@decpool/model';
import { APIS, MAX_CPU, MAX_NODE, MIGRATETYPES } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WORKLOADS } from './registry.ts';
import { columnsOf, packRequests, RequestColumns } from './request-columns.ts';
import { cpusOf } from './workload.ts';

const time = fc.maxSafeNat().map(nanoseconds);
const allocation = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(allocationId);
const gfp = fc.integer({ min: 0, max: Object.values(GFP).reduce((all: number, flag) => all | flag, 0) });
/** Each of its attributes is given or not. */
/** CPU 0 is left out. */
const cpu = fc.integer({ min: 1, max: MAX_CPU });
const attributes = fc.record(
  {
    gfp,
    node: fc.integer({ min: -1, max: MAX_NODE }),
    align: fc.nat(12).map((order) => 2 ** order),
    cpu,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const wanted = fc.record({
  api: fc.constantFrom(...APIS),
  pages: fc.integer({ min: 1, max: 2 ** 36 }),
  bytes: fc.integer({ min: 1, max: 2 ** 48 }),
  owner: fc.string(),
});
const key = fc.maxSafeNat();

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.tuple(time, allocation, wanted, attributes).map(
    ([at, id, what, given]): AllocateRequest => ({
      kind: 'allocate',
      time: at,
      allocation: id,
      ...what,
      ...given,
    }),
  ),
  fc.record(
    { kind: fc.constant('free' as const), time, allocation, gfp, cpu },
    { requiredKeys: ['kind', 'time', 'allocation'], noNullPrototype: true },
  ),
  fc.record(
    { kind: fc.constantFrom('map-user' as const, 'unmap-user' as const), time, allocation },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant('background-allocate' as const),
      time,
      key,
      order: fc.nat(10),
      migratetype: fc.constantFrom(...MIGRATETYPES),
      cpu,
    },
    { requiredKeys: ['kind', 'time', 'key', 'order', 'migratetype'], noNullPrototype: true },
  ),
  fc.record(
    { kind: fc.constant('background-free' as const), time, key, cpu },
    { requiredKeys: ['kind', 'time', 'key'], noNullPrototype: true },
  ),
);

it('what is read from the columns is what was packed, any part of it', () => {
  fc.assert(
    fc.property(fc.array(request), fc.nat(30), fc.nat(30), (requests, from, length) => {
      const columns = new RequestColumns(structuredClone(packRequests(requests)));
      expect(columns.length).toBe(requests.length);
      expect([...columns]).toStrictEqual(requests);
      expect(columns.slice(from, from + length)).toStrictEqual(requests.slice(from, from + length));
      const apis = requests.flatMap((each) => (each.kind === 'allocate' ? [each.api] : []));
      expect(new Set(columns.apis)).toEqual(new Set(apis));
      expect(columns.cpus).toBe(cpusOf(requests));
    }),
  );
});

it.each(['netvsc', 'kvm-snp', 'its-storm', 'dma-buf-heap'])(
  'the workload %s keeps all that it asks for',
  (name) => {
    const requests =
      WORKLOADS.find((generator) => generator.name === name)?.generate({ seed: 3 }).requests ?? [];
    const columns = new RequestColumns(packRequests(requests));
    expect(requests.length).toBeGreaterThan(0);
    expect(columns.slice(0, requests.length)).toStrictEqual(requests);
  },
);

it('more requests than a part of the columns holds are read back in order', () => {
  const many = Array.from({ length: 2 ** 16 + 3 }, (_, index): Request => {
    const allocation = allocationId(index + 1);
    return { kind: 'free', time: nanoseconds(index * 7), allocation };
  });
  const columns = columnsOf(many);
  expect(columns.length).toBe(many.length);
  expect([...columns].every(({ time }, index) => time === index * 7)).toBe(true);
  expect(columns.slice(2 ** 16 - 2, many.length)).toStrictEqual(many.slice(2 ** 16 - 2));
});
