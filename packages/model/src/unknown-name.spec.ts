import { describe, expect, it } from 'vitest';
import { InputError } from './errors.ts';
import { nearestNames, unknownName } from './unknown-name.ts';

const MANY = [
  'netvsc',
  'hyperv-vm',
  'kvm-snp',
  'tdx-vm',
  'cca-realm',
  'its-storm',
  'nvme-atomic',
  'churn',
  'frag',
];

describe('the names near a wrong one', () => {
  it.each([
    ['netvcs', ['netvsc']],
    ['NETVSC', ['netvsc']],
    ['nvme', ['nvme-atomic']],
    ['tdxvm', ['tdx-vm']],
    ['quite-another-thing', []],
    ['', []],
  ])('%s: %j', (given, expected) => {
    expect(nearestNames(given, MANY)).toEqual(expected);
  });

  it('are three at most, the nearest first', () => {
    expect(nearestNames('aaaa', ['aabb', 'aaaab', 'aaab', 'aaaac'])).toEqual(['aaaab', 'aaaac', 'aaab']);
  });
});

describe('the error', () => {
  it('names the nearest, and the command that lists all where there are many', () => {
    const error = unknownName({
      kind: 'workload',
      given: 'netvcs',
      known: MANY,
      listedBy: 'decpool workloads',
    });
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toContain("'netvsc'");
    expect(error.message).toContain("'decpool workloads'");
    expect(error.message).not.toContain('its-storm');
  });

  it('lists all where there are few', () => {
    const { message } = unknownName({ kind: 'platform', given: 'sgx', known: ['snp', 'tdx', 'cca'] });
    expect(message).toContain('snp, tdx, cca');
  });

  it('says where the name was given', () => {
    const { message } = unknownName({ kind: 'metric', given: 'x', known: MANY, place: '--metrics' });
    expect(message).toMatch(/^--metrics: /);
  });
});
