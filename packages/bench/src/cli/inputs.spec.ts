import { describe, expect, it } from 'vitest';
import { type InputOptions, prepareInputs } from './inputs.ts';

const OPTIONS: InputOptions = {
  policy: 'gfp-decrypted',
  seed: 1,
  seeds: 1,
  granule: 4,
  wordAccess: true,
  pcp: true,
  compaction: true,
  reclaim: true,
};

it.each([
  [{ workload: 'frag' }, 'fresh boot 512 MiB (made up)'],
  [{ workload: 'frag', memory: '1G' }, 'fresh boot 1 GiB (made up)'],
  [{ workload: 'netvsc' }, 'fresh boot 4 GiB (made up)'],
])('%j runs in memory of %s', async (given, name) => {
  const [input] = await prepareInputs({ ...OPTIONS, ...given });
  expect(input.memory.name).toBe(name);
});

it.each(['first-fit,first-fit', 'first-fit,linux-7.3,first-fit+block+hysteresis:2'])(
  'one policy twice is refused, whatever it is called: %s',
  async (policy) => {
    await expect(prepareInputs({ ...OPTIONS, policy, workload: 'frag' })).rejects.toThrow(/--policy: .*same/);
  },
);

describe('the bundled inputs', () => {
  const settingsOf = async (given: Partial<InputOptions>) =>
    (await prepareInputs({ ...OPTIONS, ...given })).map(({ name, platform, memory, pageSource }) => [
      ...[name, platform.name, memory.name],
      ...[pageSource?.kernel, pageSource?.perCpuLists],
    ]);

  it('have the memory that they were recorded on, and the newest page allocator; netvsc its own platform', async () => {
    expect(await settingsOf({})).toEqual([
      ['netvsc', 'hyperv-vtom', '7.3.4+deb13-amd64 aged-cpus-3 (exact)', '7.x', true],
      ['seqmix', 'snp', 'k61-E1w-before (counts)', '7.x', true],
      ['k61-E7cc.dma_requests', 'snp', 'k61-E7cc-before (counts)', '7.x', true],
    ]);
  });

  it('give way to options', async () => {
    const [netvsc] = await settingsOf({ platform: 'tdx' });
    expect(netvsc).toEqual(['netvsc', 'tdx', '7.3.4+deb13-amd64 aged-cpus-3 (exact)', '7.x', true]);
    await expect(settingsOf({ kernel: '6.x' })).rejects.toThrow('is that of a kernel 7.3.4+deb13-amd64: 7.x');
    const [fresh] = await settingsOf({ memory: '4G' });
    expect(fresh).toEqual(['netvsc', 'hyperv-vtom', 'fresh boot 4 GiB (made up)', '7.x', true]);
  });
});
