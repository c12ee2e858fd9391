/** Inputs that are damaged, or made to do harm. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { decpool, lost } from './command.ts';
import type { Fault, Try } from './fault.ts';
import type { World } from './world.ts';

type Content = string | Buffer | (() => string | Buffer);

const bytesOf = (content: Content): string | Buffer => (typeof content === 'function' ? content() : content);

/** The commands that read a trace. `status`: 0 if the rest of it is read, 2 if it is refused. */
function traces(name: string, content: Content, status: number, { folder, fresh }: World): Try[] {
  const path = join(folder, name);
  const run = (command: string, words: () => string[]): Try => ({
    command,
    async run() {
      writeFileSync(path, bytesOf(content));
      return lost(await decpool(words()), [status]);
    },
  });
  const small = ['--memory', '512M', '--seeds', '1', '--policy', 'gfp-decrypted'];
  return [
    run('analyze', () => ['analyze', path]),
    run('compare', () => ['compare', '--trace', path, ...small, '--out', fresh()]),
    run('convert', () => ['convert', path, fresh('.arrow')]),
  ];
}

/** The commands that read a log. */
function logs(
  name: string,
  content: Content,
  statuses: readonly number[],
  { folder, log, fresh }: World,
): Try[] {
  const path = join(folder, name);
  const words = (): string[][] => [
    ['verify', path],
    ['show', path],
    ['stats', path],
    ['diff', path, log],
    ['splits', path],
    ['convert', path, fresh('.ndjson')],
  ];
  return words().map(([command, ...rest]) => ({
    command,
    async run() {
      writeFileSync(path, bytesOf(content));
      return lost(await decpool([command, ...rest]), statuses);
    },
  }));
}

const BASE = { name: 'absurd', policies: ['gfp-decrypted'], inputs: [{ workload: 'churn' }], memory: ['1G'] };
const range = (end: number) => [...Array(end).keys()];

const DEFINITIONS: readonly (readonly [name: string, content: Content])[] = [
  ['2 million seeds', () => JSON.stringify({ ...BASE, seeds: range(2_000_000) })],
  ['a seed of 1e300', JSON.stringify({ ...BASE, seeds: [1e300] })],
  ['memory of an exabyte', JSON.stringify({ ...BASE, memory: ['1000000T'] })],
  [
    'a thousand of each',
    () =>
      JSON.stringify({
        ...BASE,
        policies: range(1000).map((at) => `first-fit+block+delay:${at + 1}`),
        seeds: range(1000),
        memory: range(1000).map((at) => `${at + 1}G`),
      }),
  ],
  ['a workload of 1e9 CPUs', JSON.stringify({ ...BASE, inputs: [{ workload: 'kvm-snp:cpus=1000000000' }] })],
  ['lists in lists', () => '['.repeat(1_000_000)],
  ['no JSON', '\0\0\0'],
  ['a gzip bomb', () => gzipSync(Buffer.alloc(2 ** 29, ' '))],
];

function definitions({ folder, fresh }: World): Try[] {
  return DEFINITIONS.map(([what, content]) => ({
    what,
    command: 'sweep',
    async run() {
      const path = join(folder, 'absurd.json');
      writeFileSync(path, bytesOf(content));
      return lost(
        await decpool(['sweep', path, '--out', fresh()], {
          env: { NODE_OPTIONS: '--max-old-space-size=256' },
        }),
        [2],
      );
    },
  }));
}

const page = (time: string, pfn: string) =>
  ` dd-166 [000] ..... ${time}: mm_page_alloc: page=1 pfn=${pfn} order=0 migratetype=0 gfp_flags=GFP_KERNEL`;
const sharedWords = ['--shared', 'order=0'];

/** Recorded page events, which are read with --shared. */
function pageEvents(name: string, content: Content, status: number, world: World): Try[] {
  const path = join(world.folder, name);
  return [
    { words: () => ['analyze', path] },
    {
      words: () => [
        'compare',
        '--trace',
        path,
        '--memory',
        '512M',
        '--seeds',
        '1',
        '--policy',
        'gfp-decrypted',
        '--out',
        world.fresh(),
      ],
    },
    { words: () => ['convert', path, world.fresh('.arrow')] },
  ].map(({ words }) => ({
    command: words()[0],
    async run() {
      writeFileSync(path, bytesOf(content));
      return lost(await decpool([...words(), ...sharedWords]), [status]);
    },
  }));
}

export function inputFaults(world: World): Fault[] {
  const { log, trace } = world;
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2);
  const text = () => readFileSync(trace);
  const bomb = () => gzipSync(`a 1 0\n${'# a comment that says nothing at all\n'.repeat(4_000_000)}`);
  return [
    { name: 'absurd definitions of sweeps', tries: definitions(world) },
    {
      name: 'gzip bombs',
      tries: [
        ...traces('bomb.txt.gz', bomb, 2, world),
        ...logs('bomb.ndjson.gz', () => gzipSync(Buffer.alloc(2 ** 29, '{"seq":0}\n')), [2], world),
      ],
    },
    {
      name: 'truncated gzip',
      tries: [
        ...traces('half.txt.gz', () => half(gzipSync(text())), 2, world),
        ...logs('half.arrow.gz', () => half(gzipSync(readFileSync(log))), [0, 1, 2], world),
      ],
    },
    {
      name: 'concatenated gzip',
      tries: [
        ...traces('two.txt.gz', () => Buffer.concat([gzipSync('a 1 0\n'), gzipSync('f 1 0\n')]), 0, world),
        ...logs(
          'two.arrow.gz',
          () => Buffer.concat([gzipSync(readFileSync(log)), gzipSync(readFileSync(log))]),
          [1, 2],
          world,
        ),
      ],
    },
    {
      name: 'text that is not UTF-8',
      tries: [
        ...traces('utf16.txt', Buffer.from('\uFEFFa 1 0\nf 1 0\n', 'utf16le'), 2, world),
        ...pageEvents(
          'latin1.txt',
          Buffer.from(page('1.000000', '0x10').replace('dd', 'd\u00ff\u00fe'), 'latin1'),
          0,
          world,
        ),
        ...logs('utf16.ndjson', () => Buffer.from('\uFEFF{"decpool":"event log"}\n', 'utf16le'), [2], world),
      ],
    },
    {
      name: 'times that go back',
      tries: pageEvents(
        'back.txt',
        [page('5.000000', '0x10'), page('3.000000', '0x11')].join('\n'),
        0,
        world,
      ),
    },
    {
      name: 'pfns that overflow',
      tries: ['0x10000000000', '0xffffffffffffffffffff', '-1'].flatMap((pfn) =>
        pageEvents('pfn.txt', [page('5.000000', '0x10'), page('5.000001', pfn)].join('\n'), 0, world),
      ),
    },
  ];
}
