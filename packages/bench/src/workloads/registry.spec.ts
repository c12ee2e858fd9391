import { InputError } from '@decpool/model';
import { expect, it } from 'vitest';
import { WORKLOADS, workloadNamed } from './registry.ts';

it.each(WORKLOADS.map(({ name }) => name))('%s is found by its name, and its workload carries it', (name) => {
  expect(workloadNamed(name).generate().name).toBe(name);
  expect(workloadNamed(name).generate(7).requests).not.toEqual(workloadNamed(name).generate().requests);
});

it('a name that is none is refused with those there are', () => {
  expect(() => workloadNamed('nvme')).toThrow(InputError);
  expect(() => workloadNamed('nvme')).toThrow("unknown workload 'nvme'; available: netvsc, churn");
});
