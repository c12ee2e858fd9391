import { InputError, nanoseconds, platformNamed, type Request } from '@decpool/model';
import { MAX_CPU, PLAIN_PAGE_SOURCE, RequestsInLog } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { Pool } from '../pool.ts';
import { policyNamed } from '../registry.ts';
import { freshBoot } from './profiles.ts';
import { GIB, sourceOf } from './testing.ts';

const memory = freshBoot(GIB);
const WITH_LISTS = { ...PLAIN_PAGE_SOURCE, kernel: '7.x', perCpuLists: true, cpus: 2 } as const;

describe('a page source with several CPUs', () => {
  it('serves a claim from the lists of its CPU: rmqueue_pcplist()', () => {
    const source = sourceOf(memory, 1, WITH_LISTS);
    source.runOn(1);
    const page = source.claim(0, 'Unmovable');
    expect(page).not.toBe(-1);
    if (page !== -1) source.giveBack(page, 0);
    source.runOn(0);
    expect(source.claim(0, 'Unmovable')).not.toBe(page);
    source.runOn(1);
    expect(source.claim(0, 'Unmovable')).toBe(page);
  });

  it('has them take turns if a request names one that it does not have', () => {
    const source = sourceOf(memory, 1, WITH_LISTS);
    source.runOn(3);
    const page = source.claim(0, 'Unmovable');
    if (page !== -1) source.giveBack(page, 0);
    source.runOn(1);
    expect(source.claim(0, 'Unmovable')).toBe(page);
  });
});

describe('requests that name a CPU', () => {
  const at = (ns: number) => nanoseconds(ns);
  const poolOf = () => {
    const platform = platformNamed('snp');
    const policy = policyNamed('gfp-decrypted');
    return new Pool({ memory, platform, policy, seed: 1, pageSource: WITH_LISTS });
  };

  it('are in the log with it, and come out of it as they were made', () => {
    const pool = poolOf();
    const asked = { api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'nvme0' } as const;
    const requests: Request[] = [
      { kind: 'background-allocate', time: at(0), key: 1, order: 0, migratetype: 'Movable', cpu: 1 },
      { kind: 'allocate', time: at(1), allocation: 1 as never, ...asked, cpu: MAX_CPU },
      { kind: 'allocate', time: at(2), allocation: 2 as never, ...asked },
      { kind: 'background-free', time: at(3), key: 1, cpu: 3 },
      { kind: 'free', time: at(4), allocation: 1 as never, cpu: 2 },
      { kind: 'free', time: at(5), allocation: 2 as never },
    ];
    const log = new RequestsInLog();
    const read: Request[] = [];
    pool.batches$.subscribe((batch) => {
      for (const { request } of log.in(batch)) read.push(request);
    });
    for (const request of requests) pool.request(request);
    expect(pool.view.allocation(1 as never).cpu).toBe(MAX_CPU);
    pool.complete();
    expect(read).toEqual(requests);
  });

  it('are refused for a CPU that there cannot be', () => {
    for (const cpu of [-1, 0.5, MAX_CPU + 1]) {
      expect(() => poolOf().alloc_pages(1, { owner: 'x', cpu })).toThrow(
        new InputError(`CPU ${cpu}: CPUs run from 0 to ${MAX_CPU}`),
      );
    }
  });
});
