/** Few open files, and little memory. */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { DECPOOL, decpool, lost } from './command.ts';
import type { Fault, Try } from './fault.ts';
import { compareWords, type World } from './world.ts';

/** The least number of open files that the command itself is loaded with. */
function leastFiles(): number {
  for (let files = 8; ; files++) {
    const { status } = spawnSync('bash', [
      '-c',
      `ulimit -n ${files}; exec "$0" "$1" --version`,
      process.execPath,
      DECPOOL,
    ]);
    if (status === 0) return files;
  }
}

const MORE_FILES = [0, 4, 12, 24];

function fewFiles(words: readonly string[], files: number): Try {
  return {
    command: words[0],
    run: async () => lost(await decpool(words, { shell: `ulimit -n ${files}` }), [0, 2]),
  };
}

const HEAP = { NODE_OPTIONS: '--max-old-space-size=256' };

function littleMemory(command: string, words: readonly string[]): Try {
  return { command, run: async () => lost(await decpool(words, { env: HEAP }), [0]) };
}

/** Lines of a trace in all. */
export async function writeTrace(path: string, lines: number): Promise<void> {
  const file = createWriteStream(path);
  // Each allocation is freed 1000 steps later.
  for (let at = 0, id = 0; at < lines; ) {
    const some: string[] = [];
    for (; some.length < 20_000 && at < lines; id++) {
      some.push(`a ${id} ${id % 4}`);
      at++;
      if (id < 1000 || at >= lines) continue;
      some.push(`f ${id - 1000} ${(id - 1000) % 4}`);
      at++;
    }
    if (!file.write(`${some.join('\n')}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}

export function limitFaults(world: World, lines: number): Fault[] {
  const least = leastFiles();
  const { log, sweep } = world;
  const opening = (): string[][] => [
    ['show', log],
    ['verify', log, '--no-rerun'],
    ['diff', log, log],
    ['convert', log, world.fresh('.ndjson')],
    ['report', world.results, '--out', world.fresh('.html')],
    compareWords(world.fresh()),
    ['sweep', sweep, '--out', world.fresh(), '--workers', '4'],
  ];
  const trace = join(world.folder, 'long.txt');
  const out = join(world.folder, 'long');
  const long = join(out, 'long/logs/gfp-decrypted.arrow');
  const ndjson = join(world.folder, 'long.ndjson');
  const comparison = [
    'compare',
    '--trace',
    trace,
    '--policy',
    'gfp-decrypted',
    '--memory',
    '1G',
    '--seeds',
    '1',
  ];
  return [
    {
      name: 'few open files (ulimit -n)',
      tries: MORE_FILES.flatMap((more) => opening().map((words) => fewFiles(words, least + more))),
    },
    {
      name: `256 MiB of heap, ${lines.toLocaleString('en')} lines`,
      tries: [
        {
          command: 'analyze',
          async run() {
            await writeTrace(trace, lines);
            return lost(await decpool(['analyze', trace], { env: HEAP }), [0]);
          },
        },
        littleMemory('compare --trace', [...comparison, '--out', world.fresh()]),
        {
          command: 'stats',
          async run() {
            // The log is made with as much memory as that takes.
            const made = await decpool([...comparison, '--out', out]);
            return made.code === 0
              ? lost(await decpool(['stats', long], { env: HEAP }), [0])
              : `no log: ${made.stderr}`;
          },
        },
        littleMemory('convert TRACE', ['convert', trace, join(world.folder, 'long-requests.arrow')]),
        littleMemory('show', ['show', long]),
        littleMemory('verify', ['verify', long]),
        littleMemory('splits', ['splits', long]),
        littleMemory('convert LOG', ['convert', long, ndjson]),
        littleMemory('diff', ['diff', long, ndjson]),
        littleMemory('report', ['report', join(out, 'long')]),
      ],
    },
  ];
}
