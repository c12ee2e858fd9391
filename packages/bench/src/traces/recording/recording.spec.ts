import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { create, extract } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupedBy } from '../../text/groups.ts';
import { readMemoryState } from '../memory-state/memory-state.ts';
import { parseSharedExpression } from '../shared-expression.ts';
import { recordedConversions } from './conversions.ts';
import { isRecording, type Recording, recordedRequests, withRecording } from './recording.ts';

/** A QEMU guest with Debian's Linux 6.12: NVMe, virtio and e1000 devices come and go. fixtures/README.md */
const ARCHIVE = fileURLToPath(new URL('./fixtures/qemu-6.12.tar.gz', import.meta.url));
/** Debian's Linux 6.16 on arm64, with swiotlb=force. */
const ARM64 = fileURLToPath(new URL('./fixtures/qemu-6.16-arm64.tar.gz', import.meta.url));
/** Debian's kernels with the probe module: drivers were unbound from their devices and bound again. */
const rebind = (kernel: string) =>
  fileURLToPath(new URL(`./fixtures/rebind-${kernel}.tar.gz`, import.meta.url));
const MIB = 2 ** 20;

const scratch = mkdtempSync(join(tmpdir(), 'decpool-recording-spec-'));
const FOLDER = join(scratch, 'qemu-6.12');
beforeAll(() => extract({ file: ARCHIVE, cwd: scratch }));
afterAll(() => rmSync(scratch, { recursive: true }));

const opened = <T>(path: string, use: (recording: Recording) => T | Promise<T>) =>
  withRecording(path, async (recording) => use(recording));

let copies = 0;
/** A copy of the folder, with other texts in some of its files. */
function changed(files: Readonly<Record<string, (text: string) => string>>): string {
  const copy = join(scratch, `copy-${++copies}`);
  cpSync(FOLDER, copy, { recursive: true });
  for (const [name, change] of Object.entries(files)) {
    writeFileSync(join(copy, name), change(readFileSync(join(copy, name), 'utf8')));
  }
  return copy;
}

describe('a recording of a real kernel', () => {
  it('has the splits and the direct map that the kernel counted', async () => {
    const counters = await opened(FOLDER, ({ counters }) => counters);
    expect(counters).toEqual({
      splits2M: 7,
      splits1G: 0,
      before: { by4K: 26448 * 1024, by2M: 1021952 * 1024, by1G: 0 },
      after: { by4K: 40784 * 1024, by2M: 1007616 * 1024, by1G: 0 },
    });
    expect(counters && counters.after.by4K - counters.before.by4K).toBe(7 * 2 * MIB);
  });

  it('has the requests of the drivers, with their devices', async () => {
    const { workload, format, sanity } = await opened(FOLDER, (each) => recordedRequests(each, undefined));
    expect({ name: workload.name, format }).toEqual({ name: 'qemu-6.12', format: 'dma-trace' });
    expect({ ...sanity, unparsed: sanity.unparsed.count }).toMatchObject({
      requests: 27,
      frees: 13,
      unparsed: 0,
      lostEvents: 0,
    });
    const owners = [...workload.requests].flatMap((each) => (each.kind === 'allocate' ? [each.owner] : []));
    const devices = owners.map((owner) => (owner.startsWith('0000:') ? owner.split(' ')[0] : undefined));
    expect(new Set(devices)).toEqual(new Set(['0000:00:02.0', '0000:00:03.0', '0000:00:04.0', undefined]));
    const functions = new Set(owners.map((owner) => owner.split(' ').at(-1)));
    expect(functions).toEqual(
      new Set(['nvme_alloc_queue', 'nvme_dbbuf_dma_alloc', 'vring_alloc_queue_split', 'atomic_pool_expand']),
    );
  });

  it('tells what conversions split from what other code split, and what the split rule gives at the same pages', async () => {
    const found = await opened(FOLDER, (each) =>
      recordedConversions(each, readMemoryState(join(FOLDER, 'before')).memory),
    );
    expect(found).toEqual({
      calls: 40,
      failed: 0,
      kernel: { splits2M: 5, splits1G: 0 },
      // One block more: meminfo does not say which blocks 4K entries mapped before.
      rule: { splits2M: 6, splits1G: 0, elsewhere: 0 },
    });
  });

  it('is the same as a .tar.gz, of which nothing is left behind', async () => {
    const before = unpackedFolders();
    const all = ({ folder: _, before: __, ...rest }: Recording) => rest;
    expect(await opened(ARCHIVE, all)).toEqual(await opened(FOLDER, all));
    expect(unpackedFolders()).toBe(before);
  });

  it('leaves nothing behind of a .tar.gz that is refused, and an error that is not of the recording is passed on', async () => {
    const before = unpackedFolders();
    const other = changed({ recording: (text) => text.replace('v1', 'v2') });
    const file = join(scratch, 'other-version.tgz');
    await create({ file, gzip: true, cwd: scratch }, [other.slice(scratch.length + 1)]);
    await expect(opened(file, () => undefined)).rejects.toThrow(
      new InputError(`${file}/recording:1: 'decpool-recording v2'; expected 'decpool-recording v1'`),
    );
    const error = new TypeError('of the caller');
    await expect(
      opened(ARCHIVE, () => {
        throw error;
      }),
    ).rejects.toBe(error);
    expect(unpackedFolders()).toBe(before);
  });

  it('is known by its header, or by the name of a packed folder', () => {
    expect([FOLDER, ARCHIVE, 'a.tgz'].map(isRecording)).toEqual([true, true, true]);
    expect([scratch, join(FOLDER, 'before'), 'a.tar.gz.txt', 'a.tar'].map(isRecording)).toEqual([
      ...[false, false, false, false],
    ]);
  });

  it('knows the platform of a guest that the recorder recognised', async () => {
    const path = changed({ recording: (text) => text.replace('guest=unknown', 'guest=hyperv') });
    expect(await opened(path, ({ platform }) => platform)).toBe('hyperv-vtom');
    expect(await opened(FOLDER, ({ platform }) => platform)).toBeUndefined();
  });

  it('counts conversions that failed', async () => {
    const text = gunzipped(join(FOLDER, 'conversions.gz')).replace(/ret=0\b/, 'ret=-12');
    const path = changed({});
    writeFileSync(join(path, 'conversions.gz'), gzipSync(text));
    const memory = readMemoryState(join(FOLDER, 'before')).memory;
    expect((await opened(path, (each) => recordedConversions(each, memory))).failed).toBe(1);
  });

  it('counts a conversion of memory that is not in the direct map apart', async () => {
    const text = gunzipped(join(FOLDER, 'conversions.gz')).replace(
      /addr=0x[0-9a-f]+/,
      'addr=0xffffffffff000000',
    );
    const path = changed({});
    writeFileSync(join(path, 'conversions.gz'), gzipSync(text));
    const memory = readMemoryState(join(FOLDER, 'before')).memory;
    expect((await opened(path, (each) => recordedConversions(each, memory))).rule?.elsewhere).toBe(1);
  });

  it('has the splits of 1G pages if the kernel counts them, and its 1G pages if it has some', async () => {
    const counted = (splits: number) => (text: string) =>
      `${text.replace(/^direct_map_level3.*\n/m, '')}direct_map_level3_splits ${splits}\n`;
    const mapped = (text: string) => text.replace(/^DirectMap1G.*$/m, 'DirectMap1G:     3145728 kB');
    const path = changed({
      ...{ 'before/vmstat': counted(2), 'after/vmstat': counted(5), 'before/meminfo': mapped },
      'after/meminfo': (text) => text.replace(/^DirectMap1G.*\n/m, ''),
    });
    const counters = await opened(path, ({ counters }) => counters);
    expect([counters?.splits1G, counters?.before.by1G, counters?.after.by1G]).toEqual([3, 3 * 2 ** 30, 0]);
    const none = changed(
      Object.fromEntries(
        ['before/vmstat', 'after/vmstat'].map((name) => [
          name,
          (text) => text.replace(/^direct_map_level3.*\n/m, ''),
        ]),
      ),
    );
    expect(await opened(none, ({ counters }) => counters)).toMatchObject({ splits2M: 7, splits1G: 0 });
  });

  it('has no counts of a kernel that began to record at boot, and needs all files of the others', async () => {
    const path = changed({});
    rmSync(join(path, 'before/buddyinfo'));
    const { before, counters } = await opened(path, (each) => each);
    expect([before, counters]).toEqual([undefined, undefined]);
    const incomplete = changed({});
    rmSync(join(incomplete, 'after/vmstat'));
    await expect(opened(incomplete, () => undefined)).rejects.toThrow(
      new InputError(`${incomplete}/after/vmstat: is missing; the recording is incomplete`),
    );
  });

  it('has what its header says, and of the rest that it is not known', async () => {
    const headed = (lines: string) =>
      opened(changed({ recording: () => `decpool-recording v1\nkernel=6.1.0\n${lines}` }), (each) => each);
    expect(
      await headed('seconds=12.5\npage_offset_base=0xff11000000000000\nbounced=3\nguest=snp\n'),
    ).toMatchObject({
      ...{ kernel: '6.1.0', seconds: 12.5, directMapBase: 0xff11000000000000n, bounced: 3, platform: 'snp' },
      notes: [],
    });
    const unknown = {
      seconds: undefined,
      directMapBase: undefined,
      bounced: 0,
      platform: undefined,
      notes: [],
    };
    expect(await headed('')).toMatchObject(unknown);
    expect(await headed('seconds=\nguest=\nended=stopped\n')).toMatchObject(unknown);
    expect((await headed('seconds=7\nended=interrupted\npages_lost=2\ndma_lost=1\n')).notes).toEqual([
      'The recording was ended by a signal.',
      '1 events were lost in dma.gz. Record with a larger --buffer-kb.',
      '2 events were lost in pages.gz. Record with a larger --buffer-kb.',
    ]);
  });

  it('has no counts of a kernel that counted only before, or only after', async () => {
    for (const state of ['before', 'after']) {
      const path = changed({ [`${state}/vmstat`]: (text) => text.replace(/^direct_map_level2.*\n/m, '') });
      expect(await opened(path, ({ counters }) => counters)).toBeUndefined();
    }
  });

  it('has no counts of a kernel whose meminfo does not say how it maps memory', async () => {
    const path = changed({ 'after/meminfo': (text) => text.replace(/^DirectMap2M.*\n/m, '') });
    expect(await opened(path, ({ counters }) => counters)).toBeUndefined();
  });

  it('says of a single event that it was lost, and nothing if the recorder did not count', async () => {
    const notesOf = async (line: string) => {
      const path = changed({ recording: (text) => text.replace(/conversions_lost=0\n/, line) });
      return opened(path, ({ notes }) => notes);
    };
    expect(await notesOf('conversions_lost=1\n')).toEqual([
      '1 events were lost in conversions.gz. Record with a larger --buffer-kb.',
    ]);
    expect(await notesOf('')).toEqual([]);
  });

  it('takes files and folders out of a .tar.gz, and no links, which may point anywhere', async () => {
    const copy = changed({});
    symlinkSync('/etc/hostname', join(copy, 'link'));
    const file = join(scratch, 'with-link.tar.gz');
    await create({ file, gzip: true, cwd: scratch }, [copy.slice(scratch.length + 1)]);
    const found = await opened(file, ({ folder }) => readdirSync(folder));
    expect(found).not.toContain('link');
    expect(found).toContain('conversions.gz');
  });

  it('says what was lost, and what is not among the requests', async () => {
    const path = changed({
      recording: (text) =>
        text.replace('conversions_lost=0', 'conversions_lost=12').replace('bounced=0', 'bounced=7'),
    });
    expect((await opened(path, (each) => recordedRequests(each, undefined))).notes).toEqual([
      '12 events were lost in conversions.gz. Record with a larger --buffer-kb.',
      '7 streaming maps bounced; they are in dma.gz (--trace), and no part of these requests.',
    ]);
  });
});

describe('a recording with an exact state, in which no module was loaded', () => {
  const recorded = (kernel: string) =>
    opened(rebind(kernel), async (recording) => {
      const { memory, warnings } = readMemoryState(String(recording.before));
      const conversions = await recordedConversions(recording, memory);
      return { recording, memory, warnings, conversions };
    });

  it.each([
    { release: '6.12', calls: 26, splits2M: 2 },
    // Two conversions ran at once while the kernel split a mapping.
    { release: '6.1', calls: 18, splits2M: 4 },
  ])(
    'has every split of Linux $release from the split rule at the same pages',
    async ({ release, calls, splits2M }) => {
      const { recording, conversions } = await recorded(release);
      expect(recording.counters).toMatchObject({ splits2M, splits1G: 0 });
      expect(conversions).toEqual({
        calls,
        failed: 0,
        kernel: { splits2M, splits1G: 0 },
        rule: { splits2M, splits1G: 0, elsewhere: 0 },
      });
    },
  );

  it('has every free list and every entry of the direct map, and nothing assumed', async () => {
    const { memory, warnings } = await recorded('6.12');
    expect(memory.exact).toBeDefined();
    expect(memory.name).toBe('6.12.117+deb12-amd64 recorded-state-1 (exact)');
    expect(warnings).toEqual([]);
    const by4K = memory.directMap.reduce((sum, [, pages, level]) => sum + (level === 1 ? pages : 0), 0);
    expect(by4K * 4096).toBe(28 * MIB);
  });

  it('has the functions of the drivers as owners, without a note', async () => {
    const { workload, notes } = await opened(rebind('6.12'), (each) => recordedRequests(each, undefined));
    expect(notes).toEqual([]);
    const owners = [...workload.requests].flatMap((each) => (each.kind === 'allocate' ? [each.owner] : []));
    expect(new Set(owners)).toEqual(
      new Set([
        ...['nvme_alloc_queue', 'nvme_dbbuf_dma_alloc'].map((name) => `0000:00:02.0 ${name}`),
        ...['0000:00:03.0', '0000:00:04.0'].map((device) => `${device} vring_alloc_queue_split`),
      ]),
    );
  });
});

describe('the requests of a guest that converted nothing', () => {
  it('are its coherent buffers', async () => {
    const path = changed({});
    writeFileSync(join(path, 'conversions.gz'), gzipSync('# tracer: nop\n'));
    const { workload, format, notes } = await opened(path, (each) => recordedRequests(each, undefined));
    expect(format).toBe('kernel-events');
    expect([...workload.requests].filter(({ kind }) => kind === 'allocate').length).toBeGreaterThanOrEqual(
      27,
    );
    expect(notes).toEqual([expect.stringContaining('no confidential guest')]);
  });

  it('are those of the file that there is; without one the recording is incomplete', async () => {
    const path = changed({});
    rmSync(join(path, 'conversions.gz'));
    const { format } = await opened(path, (each) => recordedRequests(each, undefined));
    expect(format).toBe('kernel-events');
    rmSync(join(path, 'dma.gz'));
    await expect(opened(path, (each) => recordedRequests(each, undefined))).rejects.toThrow(
      new InputError(`${path}: neither conversions.gz nor dma.gz; the recording is incomplete`),
    );
  });

  it('are missing if no driver asked for any', async () => {
    const path = changed({});
    for (const name of ['conversions.gz', 'dma.gz']) writeFileSync(join(path, name), gzipSync('# nothing\n'));
    await expect(opened(path, (each) => recordedRequests(each, undefined))).rejects.toThrow(
      'no request for shared memory in conversions.gz or dma.gz',
    );
  });

  it('are those page events that --shared chooses; if it chooses none, that is said of their file', async () => {
    const path = changed({});
    const event =
      'dd-166  [000] .....  7.983856: mm_page_alloc: page=0000000062dcadab pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_KERNEL';
    writeFileSync(join(path, 'pages.gz'), gzipSync(`${event}\n`));
    const chosen = (text: string) =>
      opened(path, (each) => recordedRequests(each, parseSharedExpression(text)));
    const { workload, notes } = await chosen('order>=8');
    expect([...workload.requests]).toMatchObject([{ kind: 'allocate', pages: 256 }]);
    expect(notes).toEqual([]);
    await expect(chosen('order>=9')).rejects.toThrow(new RegExp(`^${path}/pages\\.gz: `));
  });

  it('are page events with --shared, if those were recorded', async () => {
    const shared = parseSharedExpression('order>=1');
    await expect(opened(FOLDER, (each) => recordedRequests(each, shared))).rejects.toThrow(
      `${FOLDER}: no pages.gz, which --shared chooses from; record with --pages`,
    );
  });
});

describe('a recording of an arm64 guest', () => {
  const recorded = () =>
    opened(ARM64, async (recording) => ({ recording, ...(await recordedRequests(recording, undefined)) }));

  it('has its requests, and no counts of splits, which arm64 does not make', async () => {
    const { recording, format, workload, notes, sanity } = await recorded();
    expect(recording).toMatchObject({ kernel: '6.16.12+deb13-arm64', bounced: 474 });
    expect([recording.counters, recording.directMapBase]).toEqual([undefined, undefined]);
    expect(format).toBe('kernel-events');
    expect(notes).toEqual([expect.stringContaining('no confidential guest')]);
    expect({ ...sanity, unparsed: sanity.unparsed.count }).toMatchObject({
      linesRead: 1449,
      requests: 496,
      unparsed: 0,
    });
    const maps = [...workload.requests].filter((each) => each.kind === 'allocate' && each.api === 'dma_map');
    expect(maps).toHaveLength(474);
  });

  it('has the end of every streaming map, those of scatterlists, too', async () => {
    const { workload, sanity } = await recorded();
    expect(sanity).toMatchObject({ assumedFrees: 0, groupedFrees: 3, ignored: { dma_map_sg: 2 } });
    // Two reads of a disk, in 3 and in 2 pieces, each of which bounced: an unmap ends all of its pieces.
    const byTime = groupedBy(
      [...workload.requests].filter(({ kind }) => kind === 'free'),
      ({ time }) => time,
    );
    expect([...byTime.values()].map(({ length }) => length).filter((length) => length > 1)).toEqual([3, 2]);
  });
});

describe('what is no recording', () => {
  it('is refused with what was expected', async () => {
    const nothing = () => undefined;
    await expect(opened(join(scratch, 'none'), nothing)).rejects.toThrow('there is no such folder or file');
    await expect(opened(join(FOLDER, 'before'), nothing)).rejects.toThrow("has no file 'recording'");
    const other = changed({ recording: (text) => text.replace('v1', 'v2') });
    await expect(opened(other, nothing)).rejects.toThrow("recording:1: 'decpool-recording v2'");
    const long = changed({ recording: () => `${'x'.repeat(60)}y\n` });
    await expect(opened(long, nothing)).rejects.toThrow(`recording:1: '${'x'.repeat(60)}'; expected`);
    const odd = changed({ recording: (text) => `${text}what\n` });
    const last = readFileSync(join(odd, 'recording'), 'utf8').trimEnd().split('\n').length;
    await expect(opened(odd, nothing)).rejects.toThrow(`recording:${last}: 'what'; expected KEY=VALUE`);
    const unnamed = changed({ recording: (text) => text.replace(/^kernel=.*$/m, 'kernel=') });
    await expect(opened(unnamed, nothing)).rejects.toThrow('no kernel= with a release');
  });

  it('is refused as a file', async () => {
    const text = join(scratch, 'text');
    writeFileSync(text, 'text\n');
    await expect(opened(text, () => undefined)).rejects.toThrow(`${text}: `);
    const archive = join(scratch, 'other.tar.gz');
    await create({ file: archive, cwd: FOLDER, gzip: true }, ['before']);
    await expect(opened(archive, () => undefined)).rejects.toThrow("has no file 'recording'");
    const cut = join(scratch, 'cut.tar.gz');
    writeFileSync(cut, readFileSync(ARCHIVE).subarray(0, 20_000));
    await expect(opened(cut, () => undefined)).rejects.toThrow('cannot be unpacked');
  });
});

/** How many folders of unpacked recordings lie beside the ones of specs. */
const unpackedFolders = () =>
  readdirSync(tmpdir()).filter((name) => /^decpool-recording-[^s]/.test(name)).length;

const gunzipped = (path: string) => String(gunzipSync(readFileSync(path)));
