import { fileURLToPath } from 'node:url';
import type { Request } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { importTrace } from '../import.ts';

/** What record.sh and decpool.bt wrote at the same time, in one guest. fixtures/README.md */
const traceOf = (name: string) =>
  importTrace(fileURLToPath(new URL(`./fixtures/bpftrace-6.12/${name}`, import.meta.url)));
const both = async () => {
  const [byTracefs, byBpftrace] = await Promise.all(['conversions.gz', 'bpftrace.txt.gz'].map(traceOf));
  return { byTracefs, byBpftrace };
};

const ownerOf = (request: Request) => ('owner' in request ? request.owner : undefined);
const withoutOwnerAndTime = (request: Request) => ({
  ...request,
  time: 0,
  owner: ownerOf(request)?.split(' ')[0],
});

describe('the output of decpool.bt', () => {
  it('has the requests that tracefs recorded beside it, of the same devices', async () => {
    const [byTracefs, byBpftrace] = Object.values(await both()).map(({ workload }) => workload.requests);
    expect(byBpftrace.filter(({ kind }) => kind === 'allocate')).toHaveLength(21);
    expect(byBpftrace.map(withoutOwnerAndTime)).toEqual(byTracefs.map(withoutOwnerAndTime));
    // Each of the two reads the clock for itself.
    for (const [at, { time }] of byBpftrace.entries()) {
      expect(Math.abs(time - byTracefs[at].time)).toBeLessThan(1_000_000);
    }
  });

  it('has no line that is not understood', async () => {
    const { format, sanity } = await traceOf('bpftrace.txt.gz');
    expect(format).toBe('dma-trace');
    expect(sanity).toMatchObject({ unparsed: { count: 0 }, lostEvents: 0, freesWithoutAlloc: 0 });
    expect(sanity.ignored).toMatchObject({ comments: 2, module_free: 4 });
  });
});

describe('functions of a module that was unloaded and loaded again', () => {
  it('have a right name in one of the two: in tracefs after the second load, in bpftrace after the first', async () => {
    const { byTracefs, byBpftrace } = await both();
    const ofNvme = ({ workload }: typeof byTracefs) =>
      workload.requests.flatMap((each) => ownerOf(each)?.match(/^0000:00:02.0 (\w+)/)?.[1] ?? []);
    const right = [
      ...['nvme_alloc_queue', 'nvme_alloc_queue', 'nvme_dbbuf_dma_alloc', 'nvme_dbbuf_dma_alloc'],
      ...['nvme_alloc_queue', 'nvme_alloc_queue'],
    ];
    expect(ofNvme(byTracefs).slice(6)).toEqual(right);
    expect(ofNvme(byBpftrace).slice(0, 6)).toEqual(right);
    expect(ofNvme(byTracefs).slice(0, 6)).not.toEqual(right);
    expect(ofNvme(byBpftrace).slice(6)).not.toEqual(right);
  });

  it('are what a note warns of', async () => {
    const { byTracefs, byBpftrace } = await both();
    const note =
      'Modules were unloaded while recording: e1000, virtio_blk, virtio_net, nvme. Names of their functions, which are part of owners, can be wrong.';
    expect(byTracefs.workload.notes).toEqual([note]);
    expect(byBpftrace.workload.notes).toEqual([note]);
  });
});
