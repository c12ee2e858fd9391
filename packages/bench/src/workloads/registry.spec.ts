import { isDeepStrictEqual } from 'node:util';
import { InputError } from '@decpool/model';
import { expect, it } from 'vitest';
import { WORKLOADS, workloadNamed } from './registry.ts';

const NAMES = WORKLOADS.map(({ name }) => name);

it.each(NAMES)('%s is found by its name, and its workload carries it', (name) => {
  expect(workloadNamed(name).generate().name).toBe(name);
});

it.each(NAMES)('%s makes other requests from another seed, if it has one', (name) => {
  const [first, other] = [
    workloadNamed(name).generate({ seed: 1 }),
    workloadNamed(name).generate({ seed: 7 }),
  ];
  // Hashes of all requests would take seconds, and the first ones differ.
  const isSame =
    first.requests.length === other.requests.length &&
    first.requests.every((request, index) => isDeepStrictEqual(request, other.requests[index]));
  expect(isSame).toBe(!('seed' in workloadNamed(name).parameters));
});

it('those of one kind of guest name its platform', () => {
  const platforms = WORKLOADS.flatMap(({ name, platform }) =>
    platform === undefined ? [] : [[name, platform]],
  );
  expect(Object.fromEntries(platforms)).toEqual({
    netvsc: 'hyperv-vtom',
    'hyperv-vm': 'hyperv-vtom',
    'tdx-vm': 'tdx',
    'cca-realm': 'cca',
    'its-storm': 'cca',
  });
});

it('no name is there twice', () => {
  expect(new Set(NAMES).size).toBe(NAMES.length);
});

it('a name that does not exist is refused with the nearest, and the command that lists all', () => {
  expect(() => workloadNamed('nvme-atom')).toThrow(InputError);
  expect(() => workloadNamed('nvme-atom')).toThrow(/'nvme-atomic'.*'decpool workloads'/);
});
