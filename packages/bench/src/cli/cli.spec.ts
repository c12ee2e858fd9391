import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readText } from '../files/read-text.ts';
import { freelistsText } from '../traces/memory-state/testing.ts';
import { decpool, PROGRESS_ONLY } from './testing.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const TRACES = join(ROOT, 'examples/traces');
const BUNDLED = 'k61-E7cc.dma_requests';
const POLICIES = ['gfp-decrypted', 'first-fit+page+immediate', 'best-fit+block+never-return'];

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as a user's shell runs it, with its output going into pipes: for what a process has of its own. */
function started(...args: string[]): Promise<Run> {
  const { NO_COLOR: _, ...rest } = process.env;
  const env = { ...rest, FORCE_COLOR: '1', COLUMNS: '100' };
  return new Promise((resolve) => {
    execFile(process.execPath, [DECPOOL, ...args], { cwd: ROOT, env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

let folder = '';
/** A path in a folder of its own, which is gone after the specs. */
const scratch = (...names: string[]) => join(folder, ...names);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  writeFileSync(scratch('small.txt'), '# by hand\na 1 0\na 2 4\nf 1 0\na 3 9\nf 2 4\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every file below a folder, by its path there. */
function filesIn(path: string): Map<string, Buffer> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file.slice(path.length + 1), readFileSync(file)]),
  );
}

/** Every file below a folder, as what tells whether two are the same: megabytes take long to be compared as values. */
const hashesIn = (path: string): Map<string, string> =>
  new Map(
    [...filesIn(path)].map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]),
  );

interface Results {
  readonly policies: { policy: string; runs: { seed: number; events: number; stateHash: string }[] }[];
}

const resultsIn = (path: string) => JSON.parse(readFileSync(join(path, 'results.json'), 'utf8')) as Results;

const compareSmall = (out: string, format: string, run = decpool) =>
  run(
    ...['compare', '--trace', scratch('small.txt'), '--policy', POLICIES.join(), '--seeds', '2'],
    ...['--memory', '1G', '--log-format', format, '--out', out],
  );

const compareBundled = (out: string, run = decpool) =>
  run(
    ...['compare', '--trace', join(TRACES, `requests/${BUNDLED}.ndjson.gz`), '--policy', POLICIES.join()],
    ...['--memory-state', join(TRACES, 'memory/k61-E7cc-before'), '--seeds', '1', '--out', out],
  );

describe('decpool compare', () => {
  let small: Run;
  let bundled: Run;
  beforeAll(async () => {
    [small, bundled] = await Promise.all([
      compareSmall(scratch('out'), 'ndjson', started),
      compareBundled(scratch('out'), started),
    ]);
  });

  it('prints what was run, a column per policy and where the results are', () => {
    expect(small).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    expect(small.stdout).toMatch(
      /^small, snp, fresh boot 1 GiB \(made up\): 5 requests, 2.06 MiB at peak, 2 seeds\n/,
    );
    expect(small.stdout).toMatch(/\nmixed 2M ranges, peak +\d+ +\d+ .* 0 -100%✓\n/);
    expect(small.stdout).toMatch(/\nwritten +.+out.small: /);
    expect(bundled).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    expect(bundled.stdout).toMatch(/: 410 requests, 364 KiB at peak, 1 seed\n/);
  });

  it('prints a verdict before the table, and at most ten rows', () => {
    for (const { stdout } of [small, bundled]) {
      const lines = stdout.split('\n');
      const [best, rule] = [/^Best: |^The baseline gfp-decrypted is ranked first/, /^─/].map((head) =>
        lines.findIndex((line) => head.test(line)),
      );
      expect(best).toBe(1);
      expect(rule).toBeGreaterThan(best);
      const end = lines.findIndex((line) => line.startsWith('equal for all'));
      expect(end - rule - 1).toBeLessThanOrEqual(10);
    }
  });

  it('writes no escape sequences into a pipe, whatever FORCE_COLOR says', () => {
    expect(small.stdout + bundled.stdout).not.toContain('\u001b');
  });

  it('fills a folder with the results, the report, the picture and a log per policy', () => {
    const names = (format: string) => POLICIES.map((policy) => `logs/${policy}.${format}`);
    const others = ['comparison.svg', 'report.md', 'results.csv', 'results.json'];
    expect([...filesIn(scratch('out/small')).keys()]).toEqual([...others, ...names('ndjson')].sort());
    expect([...filesIn(scratch('out', BUNDLED)).keys()]).toEqual([...others, ...names('arrow')].sort());
    expect(readdirSync(scratch('out')).sort()).toEqual([BUNDLED, 'small']);

    const results = resultsIn(scratch('out/small'));
    expect(results.policies.map(({ policy }) => policy)).toEqual(POLICIES);
    expect(results.policies[0].runs.map(({ seed }) => seed)).toEqual([1, 2]);
    const report = readFileSync(scratch('out/small/report.md'), 'utf8').split('\n');
    expect(report.length).toBeLessThanOrEqual(41);
    expect(report).toContain('Reproduce:');
    expect(readFileSync(scratch('out/small/comparison.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>$/s);
  });

  it('writes the same bytes when it is run again, in another process and wherever to', async () => {
    await Promise.all([
      compareSmall(scratch('again'), 'ndjson', started),
      compareBundled(scratch('again'), started),
    ]);
    expect(hashesIn(scratch('again'))).toEqual(hashesIn(scratch('out')));
  });

  it('replaces results of its own', async () => {
    await compareSmall(scratch('replaced'), 'arrow');
    await compareSmall(scratch('replaced'), 'ndjson', started);
    expect(filesIn(scratch('replaced/small'))).toEqual(filesIn(scratch('out/small')));
  });

  it('writes logs whose replay gives the state hash of the results', async () => {
    for (const [name, format] of [['small', 'ndjson'] as const, [BUNDLED, 'arrow'] as const]) {
      const { policies } = resultsIn(scratch('out', name));
      const replays = await Promise.all(
        policies.map(({ policy }) => decpool('replay', scratch('out', name, 'logs', `${policy}.${format}`))),
      );
      for (const [index, { policy, runs }] of policies.entries()) {
        expect(replays[index]).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
        expect(replays[index].stdout).toContain(`policy       ${policy}\n`);
        expect(replays[index].stdout).toContain(`events       ${runs[0].events}\n`);
        expect(replays[index].stdout).toContain(`state hash   ${runs[0].stateHash}\n`);
      }
    }
  });

  it('tells failures, leaks and the settings that led to them, and twice the same', async () => {
    const args = [
      ...['compare', '--workload', 'nvme-atomic', '--memory', '1G:aged', '--seeds', '1'],
      ...['--policy', 'linux-7.3,best-fit+block+immediate,first-fit+page+reserve:64:512+immediate'],
      ...['--faults', 'decrypt=0.2,encrypt=0.2,converted=0.5,retries=1,seed=4'],
      ...['--granule', '16', '--kernel', '6.x', '--no-pcp', '--no-compaction', '--no-word-access'],
    ];
    const [first, again] = await Promise.all(
      ['faults-a', 'faults-b'].map((out) => started(...args, '--out', scratch(out))),
    );
    expect(first).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    // However wide a line is.
    const told = first.stdout.replace(/\n +/g, ' ').replace(/\n(?=\S)/g, ' ');
    expect(told).toMatch(
      /, --granule 16 --no-word-access --faults \S*decrypt=0\.2\S* --kernel 6\.x --no-pcp --no-compaction: /,
    );
    expect(told).toMatch(/note: .* refused requests/);
    expect(told).toMatch(/note: \S+ leaked pages /);
    const results = JSON.parse(readFileSync(scratch('faults-a/nvme-atomic/results.json'), 'utf8'));
    expect(results.policies[2].timeline.length).toBeGreaterThan(10);
    expect(hashesIn(scratch('faults-a'))).toEqual(hashesIn(scratch('faults-b')));
    expect(again.code).toBe(0);
    for (const { policy, runs } of results.policies) {
      const replayed = await decpool('replay', scratch('faults-a/nvme-atomic/logs', `${policy}.arrow`));
      expect(replayed.code).toBe(0);
      expect(replayed.stdout).toContain(`state hash   ${runs[0].stateHash}\n`);
    }
  });

  it('ages memory with page events, and takes those for shared memory that it is told', async () => {
    const event = (seconds: number, name: string, pfn: number, order: number) =>
      `kworker/0:1-25  [000] .....  ${seconds.toFixed(6)}: ${name}: page=0x${pfn.toString(16)} pfn=0x${pfn.toString(16)} order=${order}${name.endsWith('alloc') ? ' migratetype=0 gfp_flags=GFP_KERNEL' : ''}\n`;
    const lines = Array.from({ length: 200 }, (_, index) => [
      event(1 + index / 100, 'mm_page_alloc', 4096 + 64 * index, index % 4),
      index % 3 === 0 ? event(1.005 + index / 100, 'mm_page_free', 4096 + 64 * index, index % 4) : '',
    ]).flat();
    writeFileSync(scratch('pages.txt'), lines.join(''));
    const compare = (...more: string[]) =>
      decpool('compare', '--trace', scratch('pages.txt'), '--seeds', '1', '--out', scratch('pages'), ...more);
    const none = await compare();
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/--shared/);
    const some = await compare('--shared', 'order>=2', '--policy', 'linux-7.3,best-fit+block+immediate');
    expect(some).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    const { facts } = JSON.parse(readFileSync(scratch('pages/pages/results.json'), 'utf8'));
    const requests = new Map<string, string>(facts).get('requests');
    expect(requests).toMatch(/^100 allocations, \d+ frees, \d+ background /);
  });

  it('runs a workload on the platform that it models, unless it is told another', async () => {
    const compare = async (...args: string[]) => {
      const out = scratch(`platform-${args.join('')}`);
      const { stdout } = await decpool(
        ...['compare', '--seeds', '1', '--policy', 'gfp-decrypted', '--out', out, '--workload', ...args],
      );
      return stdout.split(', ')[1];
    };
    const platforms = await Promise.all([
      compare('tdx-vm'),
      compare('tdx-vm', '--platform', 'snp'),
      compare('netvsc'),
    ]);
    expect(platforms).toEqual(['tdx', 'snp', 'hyperv-vtom']);
  });

  describe.concurrent('refuses, before it writes anything,', () => {
    const SMALL = 'small.txt';
    it.each([
      [
        'a policy it does not know',
        ['--policy', 'worst'],
        /unknown policy 'worst'.*'worst-fit'.*'decpool policies'/,
      ],
      [
        'a placement it does not know',
        ['--policy', 'any+block+immediate'],
        /unknown placement 'any'.*'decpool policies'/,
      ],
      ['a gap in the list of policies', ['--policy', 'a,,b'], /--policy 'a,,b': expected policies separated/],
      [
        'a platform it does not know',
        ['--platform', 'sgx'],
        /unknown platform 'sgx'.*snp, tdx, hyperv-vtom, cca/,
      ],
      ['a workload it does not know', ['--workload', 'disk'], /unknown workload 'disk'.*'decpool workloads'/],
      ['a trace and a workload', ['--trace', SMALL, '--workload', 'netvsc'], /give one of them/],
      ['a size without a unit', ['--memory', '4096'], /--memory '4096': expected a size, as in 4G/],
      ['no memory', ['--memory', '0G'], /memory of 0 bytes: must be from 64 MiB/],
      ['a missing trace', ['--trace', 'missing.txt'], /missing\.txt: there is no such file/],
      [
        'a missing memory state',
        ['--memory-state', 'missing'],
        /missing.buddyinfo: cannot be read; a memory/,
      ],
      [
        'a granule no host has',
        ['--granule', '8'],
        /--granule '8': expected the host's page size in KiB, 4, 16, 64/,
      ],
      [
        'an allocator it does not model',
        ['--kernel', '5.15'],
        /--kernel '5\.15': expected 6\.x, 6\.12 or 7\.x/,
      ],
      [
        'faults of no kind',
        ['--faults', 'host=0.1'],
        /'host=0\.1': expected NAME=VALUE with one of seed, decrypt/,
      ],
      ['a fault twice', ['--faults', 'decrypt=0.1,decrypt=0.2'], /'decrypt=0\.2': 'decrypt' is a duplicate/],
      [
        'a supply with a wrong reserve',
        ['--policy', 'best-fit+page+reserve:9:3+immediate'],
        /1 <= LOW <= HIGH/,
      ],
      ['--shared without a trace', ['--shared', 'order=1'], /--shared.*--trace/],
      ['a wrong --shared', ['--trace', SMALL, '--shared', 'order>'], /order>/],
      ['nodes of a recorded memory', ['--nodes', '2', '--memory-state', 'x'], /--nodes is for --memory/],
      [
        'a restore on the platform of the workload, where nothing splits',
        ['--restore', '--workload', 'its-storm'],
        /--restore: on platform 'cca' no conversion splits a large page/,
      ],
      [
        'a restore where nothing splits',
        ['--restore', '--platform', 'cca'],
        /no conversion splits a large page/,
      ],
      ['a log format it does not know', ['--log-format', 'csv'], /'csv'.*arrow, ndjson/],
      ['a seed that is no number', ['--seed', 'x'], /expected a whole number from 0 to 4294967295/],
      ['no seeds at all', ['--seeds', '0'], /expected a whole number from 1 to 1000/],
    ])('%s', async (_, args, message) => {
      const out = scratch(`refused-${args.join('').replace(/\W/g, '')}`);
      const { code, stdout, stderr } = await decpool(
        'compare',
        ...args.map((arg) => (arg === SMALL ? scratch(SMALL) : arg)),
        ...['--out', out],
      );
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
      expect({ code, stdout, isWritten: existsSync(out) }).toEqual({ code: 2, stdout: '', isWritten: false });
    });

    it('into a folder that holds something else, or a file', async () => {
      mkdirSync(scratch('mine/small'), { recursive: true });
      writeFileSync(scratch('mine/small/thesis.txt'), 'do not lose');
      const [inFolder, inFile] = await Promise.all([
        compareSmall(scratch('mine'), 'arrow'),
        compareSmall(scratch('small.txt'), 'arrow'),
      ]);
      expect(inFolder).toMatchObject({ code: 2, stdout: '' });
      expect(inFolder.stderr).toMatch(
        /mine.small: not a folder of results \(it has no results\.json\); name another/,
      );
      expect(filesIn(scratch('mine'))).toEqual(new Map([['small/thesis.txt', Buffer.from('do not lose')]]));
      expect(inFile).toMatchObject({ code: 2, stdout: '' });
      expect(inFile.stderr).toMatch(/^decpool: .*small\.txt.small: cannot be written: .*\n$/);
    });
  });
});

describe('decpool replay', () => {
  /** The header of a small log, its events with what vouches for them, and its seal. */
  let lines: string[] = [];
  let arrow: Buffer;
  beforeAll(async () => {
    await Promise.all([
      compareSmall(scratch('damage'), 'ndjson'),
      compareSmall(scratch('damage-arrow'), 'arrow'),
    ]);
    lines = readFileSync(scratch('damage/small/logs/gfp-decrypted.ndjson'), 'utf8').split('\n');
    arrow = readFileSync(scratch('damage-arrow/small/logs/gfp-decrypted.arrow'));
  });

  const replaying = (name: string, content: string | Buffer) => {
    writeFileSync(scratch(name), content);
    return decpool('replay', scratch(name));
  };
  const expectRefusal = ({ code, stdout, stderr }: Run, message: RegExp) => {
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  };

  it('reads a log of either format from a gzip as well', async () => {
    const runs = await Promise.all([
      replaying('a.ndjson.gz', gzipSync(lines.join('\n'))),
      replaying('a.arrow.gz', gzipSync(arrow)),
    ]);
    expect(runs[0]).toMatchObject({ code: 0, stderr: '' });
    expect(runs[1]).toEqual(runs[0]);
  });

  /** The log as schema version 1 has it: nothing vouches for its events. */
  const asVersion1 = () =>
    lines.flatMap((line) => {
      if (line.startsWith('{"checkpoint"') || line.startsWith('{"keyframe"')) return [];
      if (!line.startsWith('{"seal"')) return [line.replace(/"schema":3,"rules":\d+/, '"schema":1')];
      const { events, stateHash } = JSON.parse(line).seal;
      return [JSON.stringify({ trailer: { events, stateHash } })];
    });

  it('refuses an event that was altered, and one that cannot have happened, and names file and event', async () => {
    const change = (line: string) =>
      line.replace(/("type":"pages-decrypted","pfn":)\d/, (_, before) => `${before}9`);
    const first = lines.findIndex((line) => change(line) !== line);
    const { seq } = JSON.parse(lines[first]);
    const changed = lines.map((line, at) => (at === first ? change(line) : line));
    expectRefusal(
      await replaying('altered.ndjson', changed.join('\n')),
      new RegExp(`^decpool: ${scratch('altered.ndjson')}: event ${seq} was altered .*\n$`),
    );
    expectRefusal(
      await replaying('impossible.ndjson', asVersion1().map(change).join('\n')),
      new RegExp(
        `^decpool: ${scratch('impossible.ndjson')}: event ${seq} \\(pages-decrypted, request 0\\) cannot`,
      ),
    );
  });

  it('refuses a line that is no event, and names file and line', async () => {
    const changed = lines.map((line, at) => (at === 4 ? line.replace('"type"', '"tpye"') : line));
    expectRefusal(
      await replaying('noevent.ndjson', changed.join('\n')),
      /noevent\.ndjson: line 5: event: 'type' must be the name of an event type/,
    );
  });

  it('tells of a truncated Arrow file or gzip that it was cut off, and refuses one that ends in its header', async () => {
    const zipped = gzipSync(lines.join('\n'));
    const [cutArrow, cutGzip, cutHeader] = await Promise.all([
      replaying('cut.arrow', arrow.subarray(0, arrow.length - 1200)),
      replaying('cut.ndjson.gz', zipped.subarray(0, zipped.length - 300)),
      replaying('header.ndjson.gz', zipped.subarray(0, 500)),
    ]);
    for (const { code, stdout, stderr } of [cutArrow, cutGzip]) {
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      expect(stdout).toContain('CUT OFF: these are the figures of an incomplete log');
    }
    expectRefusal(
      cutHeader,
      /^decpool: .*header\.ndjson\.gz: ends inside its header; expected an event log\n$/,
    );
  });

  it('refuses what is no log', async () => {
    const [trace, directory, missing] = await Promise.all([
      decpool('replay', scratch('small.txt')),
      decpool('replay', folder),
      decpool('replay', scratch('missing.arrow')),
    ]);
    expectRefusal(trace, /small\.txt: line 1: not JSON: # by hand\n/);
    expectRefusal(directory, /: is a folder; expected an event log\n$/);
    expectRefusal(missing, /missing\.arrow: cannot be read: ENOENT/);
  });

  it('exits with 1 for a log without a seal, and tells the figures up to its last whole segment', async () => {
    const { code, stdout, stderr } = await replaying('torn.ndjson', lines.slice(0, 8).join('\n'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toContain('events       0\n');
    expect(stdout).toContain(
      'CUT OFF: these are the figures of an incomplete log; 7 more events are incomplete\n',
    );
    const old = await replaying('torn-1.ndjson', asVersion1().slice(0, 8).join('\n'));
    expect(old).toMatchObject({ code: 1, stderr: '' });
    expect(old.stdout).toContain('events       7\n');
    expect(old.stdout).toContain('CUT OFF: these are the figures of an incomplete log\n');
  });

  it('exits with 1 for a log whose state hash is not that of the run', async () => {
    const changed = asVersion1().map((line) => line.replace('"bytes":2097152', '"bytes":2097151'));
    const { code, stdout } = await replaying('other.ndjson', changed.join('\n'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/MISMATCH: .* [0-9a-f]{64}\n$/);
  });
});

describe('decpool validate', () => {
  it('exits with 1 when a kernel did otherwise than the model, and with 2 when there is no recording', async () => {
    const recording = join(TRACES, 'recordings/k73/E6dec');
    writeFileSync(scratch('meta.json'), readText(join(recording, 'meta.json')));
    const rules = readText(join(recording, 'rules.csv.gz'));
    const changed = rules.replace(/^(23,c,1,dec,\d+,5000,0,2,1),2,/m, '$1,3,');
    expect(changed).not.toBe(rules);
    writeFileSync(scratch('rules.csv'), changed);
    const [right, wrong, missing] = await Promise.all([
      decpool('validate', join(recording, 'rules.csv.gz')),
      decpool('validate', scratch('rules.csv')),
      decpool('validate', scratch('missing.csv')),
    ]);
    expect(right).toMatchObject({ code: 0, stderr: '' });
    expect(wrong).toMatchObject({ code: 1, stderr: '' });
    expect(wrong.stdout).toContain(': l2_split_delta\n  kernel: 3\n  model:  2\n');
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toMatch(/^decpool: .*missing\.csv: cannot be read/);
  });

  it('reports all recordings that it can read, then names those that it cannot, and exits with 2', async () => {
    const rules = join(TRACES, 'recordings/k73/E6dec/rules.csv.gz');
    mkdirSync(scratch('bare'));
    writeFileSync(scratch('bare/none.csv'), readText(rules));
    writeFileSync(scratch('bare/cut.csv'), readText(rules).slice(0, 5000));
    const files = [scratch('bare/cut.csv'), scratch('bare/none.csv'), rules];
    const { code, stdout, stderr } = await decpool('validate', ...files);
    expect(code).toBe(2);
    expect(stdout).toMatch(/none\.csv .* unknown .* 0 │\n/);
    expect(stdout).toMatch(/rules\.csv\.gz .* 7\.3\.4 .* 0 │\n/);
    expect(stdout).toMatch(/^warning: .+none\.csv: no meta\.json beside it/m);
    expect(stderr).toMatch(/^decpool: .+cut\.csv:\d+: \d+ fields; expected 21/);
  });

  it('--exact goes on after a file that is malformed, and then exits with 2', async () => {
    writeFileSync(scratch('good'), freelistsText(['a 1 0 1024']));
    writeFileSync(scratch('other'), freelistsText(['a 1 0 1025']));
    writeFileSync(scratch('bad'), freelistsText(['a 1 0']));
    const [exact, different, mixed] = await Promise.all([
      decpool('validate', '--exact', scratch('good')),
      decpool('validate', '--exact', scratch('good'), scratch('other'), '--json'),
      decpool('validate', '--exact', scratch('bad'), scratch('missing'), scratch('good')),
    ]);
    expect(exact).toMatchObject({ code: 0, stderr: '' });
    expect(different.code).toBe(1);
    expect(JSON.parse(different.stdout).runs.map(({ own }: { own: object }) => own)).toEqual([
      { same: 1, all: 1 },
      { same: 0, all: 1 },
    ]);
    expect(mixed.code).toBe(2);
    expect(mixed.stdout).toMatch(/good .* 1 of 1 .* exact/);
    expect(mixed.stderr).toMatch(
      /^decpool: .+bad:14: 3 fields; expected 'a id order pfn .*\ndecpool: .+missing: no freelists\.gz/,
    );
  });
});

describe('decpool', () => {
  it.each([
    [['--help'], /compare .*replay .*workloads .*validate /s],
    [['compare', '--help'], /^EXAMPLES\n {2}decpool compare\n/m],
    [
      ['help', 'sweep'],
      /^SYNOPSIS\n {2}decpool sweep .*^EXIT STATUS\n {2}0 .*^EXAMPLES\n {2}decpool sweep /ms,
    ],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['replay', '--help'], /^EXAMPLES\n {2}decpool replay \S+\.arrow\n/m],
    [['validate', '--help'], /EXAMPLES\n {2}decpool validate \S+\n {2}decpool validate --scatter \S+\n/],
    [['workloads', '--help'], /at their default settings/],
  ])('%j shows how it is used', async (args, expected) => {
    const { code, stdout, stderr } = await (args[0] === '--version' ? started : decpool)(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(expected);
  });

  it.each([
    [[], 'SYNOPSIS\n  decpool [options] [command]\n'],
    [['compere'], "unknown command 'compere'"],
    [['replay'], "missing required argument 'log'\n(see decpool replay --help)\n"],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await decpool(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('as it is installed, loads the sources of each of its commands', async () => {
    const cli = readdirSync(fileURLToPath(new URL('.', import.meta.url)), {
      recursive: true,
      encoding: 'utf8',
    });
    const commands = cli.filter((name) => /\.ts$/.test(name) && !/^main|testing|\.spec\./.test(name));
    const late = ['../convert/parquet.ts', '../report/chart.ts', '../../../model/src/log/arrow.ts'];
    const sources = [...commands, ...late].map((name) => new URL(name, import.meta.url).href);
    const script = `for (const source of ${JSON.stringify(sources)}) await import(source);`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(sources.length).toBeGreaterThan(30);
  });

  it('leaves no results that are half-written when it is interrupted, and the logs as far as they are', async () => {
    const out = scratch('interrupted');
    const child = spawn(
      process.execPath,
      [DECPOOL, 'compare', '--workload', 'netvsc', '--seeds', '50', '--out', out],
      { cwd: ROOT, stdio: 'ignore' },
    );
    const exited = once(child, 'exit');
    while (!existsSync(join(out, 'netvsc.partial/logs'))) await setTimeout(20);
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(readdirSync(out)).toEqual(['netvsc.partial']);
    expect(readdirSync(join(out, 'netvsc.partial'))).toEqual(['logs']);
  });

  it('goes on quietly when nobody reads its output any more', async () => {
    const args = ['compare', '--trace', scratch('small.txt'), '--seeds', '1', '--out', scratch('unread')];
    const run = await new Promise<Run>((resolve) => {
      const child = execFile(process.execPath, [DECPOOL, ...args], { cwd: ROOT }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
      child.stdout?.destroy();
    });
    // On a busy machine it tells its progress.
    const complaints = run.stderr.split('\n').filter((line) => !/^small: \d+ of 25 requests/.test(line));
    expect({ code: run.code, complaints }).toEqual({ code: 0, complaints: [''] });
    expect(readdirSync(scratch('unread'))).toEqual(['small']);
  });
});
