import { expect, it } from 'vitest';
import { type InputOptions, prepareInputs } from './inputs.ts';

const OPTIONS: InputOptions = { policy: 'gfp-decrypted', seed: 1, seeds: 1, granule: '4', wordAccess: true };

it.each([
  [{ workload: 'frag' }, 'fresh boot 512 MiB'],
  [{ workload: 'frag', memory: '1G' }, 'fresh boot 1 GiB'],
  [{ workload: 'netvsc' }, 'fresh boot 4 GiB'],
])('%j runs in memory of %s', async (given, name) => {
  const [input] = await prepareInputs({ ...OPTIONS, ...given });
  expect(input.memory.name).toBe(name);
});
