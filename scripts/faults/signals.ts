/** Signals in the middle of the work, and readers that go away. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decpool, type Ended, lost } from './command.ts';
import type { Fault, Try } from './fault.ts';
import { compareWords, notWhole, type World } from './world.ts';

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

interface Work {
  readonly command: string;
  words(out: string): string[];
  readonly ending: string;
  /** What is there once the work has begun. */
  isBegun(out: string): boolean;
  /** What must not be there, or be whole, after the signal. */
  broken(out: string): Promise<string | undefined>;
}

/** The file is not there: it gets its name once it is whole. Whole if the command was faster than the signal. */
const absent = async (out: string) => (existsSync(out) ? `${out} is there` : undefined);
const isPartial = (out: string) => readdirSync(dirname(out)).some((name) => name.includes('.partial'));

function works({ log, trace, sweep }: World): Work[] {
  return [
    {
      command: 'compare',
      words: compareWords,
      ending: '',
      isBegun: (out) => existsSync(join(out, 'churn.partial/logs/gfp-decrypted.arrow.partial')),
      broken: (out) => absent(join(out, 'churn')),
    },
    {
      command: 'sweep',
      words: (out) => ['sweep', sweep, '--out', out, '--workers', '1'],
      ending: '',
      isBegun: (out) => existsSync(join(out, 'cells.ndjson')),
      async broken(out) {
        if (existsSync(join(out, 'results.csv'))) return 'results.csv is there';
        const { code, stderr } = await decpool(['sweep', sweep, '--out', out, '--workers', '1']);
        return code === 0 ? undefined : `cannot be continued: ${stderr}`;
      },
    },
    {
      command: 'convert LOG',
      words: (out) => ['convert', log, out],
      ending: '.ndjson',
      isBegun: isPartial,
      broken: absent,
    },
    {
      command: 'convert TRACE',
      words: (out) => ['convert', trace, out],
      ending: '.arrow',
      isBegun: isPartial,
      broken: absent,
    },
    {
      command: 'fork',
      words: (out) => forkWords(log, out),
      ending: '.arrow',
      isBegun: isPartial,
      broken: async (out) => (existsSync(out) ? notWhole(out) : undefined),
    },
  ];
}

export const forkWords = (log: string, out: string): string[] => [
  ...['fork', log, '--at', '2000', '--policy', 'first-fit+block+immediate', '--out', out],
];

function signalled(work: Work, signal: NodeJS.Signals, status: number, world: World): Try {
  return {
    command: work.command,
    async run() {
      const out = world.fresh(work.ending);
      const ended = await decpool(work.words(out), {
        strike: (child) => work.isBegun(out) && child.kill(signal),
      });
      if (!ended.wasStruck) return `was over before ${signal}: ${ended.stderr}`;
      // It may have been about to end.
      return lost(ended, [status, 0]) ?? (ended.code === 0 ? undefined : work.broken(out));
    },
  };
}

/** Commands that print much. */
const printing = ({ log, results }: World): string[][] => [
  ['show', log, '--all'],
  ['splits', log, '--all'],
  ['tail', log, '--no-follow'],
  ['stats', log],
  ['report', results, '--csv'],
  ['policies'],
  ['metrics'],
];

function unread(words: readonly string[]): Try {
  return {
    command: words[0],
    async run() {
      const ended: Ended = await decpool(words, { closesOutput: true });
      return lost(ended, [0, 141]);
    },
  };
}

export function signalFaults(world: World): Fault[] {
  return [
    ...SIGNALS.map(([signal, status]) => ({
      name: `${signal} while it writes`,
      tries: works(world).map((work) => signalled(work, signal, status, world)),
    })),
    { name: 'SIGPIPE: nobody reads the output', tries: printing(world).map(unread) },
  ];
}
