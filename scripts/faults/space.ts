/** No room: a disk that is full, and files that may not grow beyond a quota. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decpool, lost } from './command.ts';
import type { Fault, Try } from './fault.ts';
import { forkWords } from './signals.ts';
import { compareWords, type World } from './world.ts';

interface Work {
  readonly command: string;
  words(out: string): string[];
  readonly name: string;
  /** What may be left: partial results, and cells that are finished. */
  readonly left: RegExp;
}

const works = ({ log, trace, sweep, results }: World): Work[] => [
  { command: 'compare', words: compareWords, name: 'out', left: /^out$/ },
  { command: 'sweep', words: (out) => ['sweep', sweep, '--out', out], name: 'out', left: /^out$/ },
  { command: 'report', words: (out) => ['report', results, '--out', out], name: 'out.html', left: /^$/ },
  { command: 'convert LOG', words: (out) => ['convert', log, out], name: 'out.ndjson', left: /^$/ },
  { command: 'convert LOG', words: (out) => ['convert', log, out], name: 'out.parquet', left: /^$/ },
  { command: 'convert TRACE', words: (out) => ['convert', trace, out], name: 'out.arrow', left: /^$/ },
  // A log that is not whole can be saved.
  { command: 'fork', words: (out) => forkWords(log, out), name: 'out.arrow', left: /^out\.arrow\.partial$/ },
];

const DISK = 2 ** 18;
/** Bytes that are free on the disk. */
const ROOMS = [0, 2 ** 12, 2 ** 16];

/** Why a command that has no room did not survive. `folder` held `other` before. */
function shortOfRoom(
  folder: string,
  work: Work,
  options: { readonly shell?: string },
): () => Promise<string | undefined> {
  return async () => {
    const ended = await decpool(work.words(join(folder, work.name)), options);
    const why = lost(ended, [2]);
    if (why !== undefined) return why;
    if (!/cannot be written|no space left|too large|quota/i.test(ended.stderr))
      return `says: ${ended.stderr}`;
    const left = readdirSync(folder).filter((name) => name !== 'other' && !work.left.test(name));
    return left.length === 0 ? undefined : `leaves ${left.join(', ')}`;
  };
}

function onFullDisk(work: Work, room: number, disk: string): Try {
  return {
    command: work.command,
    async run() {
      mkdirSync(disk, { recursive: true });
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]);
      if (mounted.status !== 0) return `no disk: ${mounted.stderr}`;
      try {
        writeFileSync(join(disk, 'other'), Buffer.alloc(DISK - room));
        return await shortOfRoom(disk, work, {})();
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    },
  };
}

/** In units of 1024 bytes, as a shell counts. */
const QUOTAS = [0, 4];

function overQuota(work: Work, quota: number, folder: string): Try {
  return {
    command: work.command,
    async run() {
      mkdirSync(folder, { recursive: true });
      try {
        return await shortOfRoom(folder, work, { shell: `ulimit -f ${quota}` })();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function canMount(disk: string): boolean {
  mkdirSync(disk, { recursive: true });
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]).status === 0;
  if (isMounted) spawnSync('umount', ['-l', disk]);
  return isMounted && statSync(disk).isDirectory();
}

export function spaceFaults(world: World): Fault[] {
  const disk = join(world.folder, 'disk');
  const all = works(world);
  return [
    {
      name: 'disk full',
      tries: canMount(disk) ? all.flatMap((work) => ROOMS.map((room) => onFullDisk(work, room, disk))) : [],
      ...(canMount(disk) ? {} : { skipped: 'mounting a file system is not allowed' }),
    },
    {
      name: 'files may not grow (ulimit -f)',
      tries: all.flatMap((work) =>
        QUOTAS.map((quota) => overQuota(work, quota, join(world.folder, 'quota'))),
      ),
    },
  ];
}
