/** Two writers of one thing, and links that lie in the way. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decpool, type Ended, lost } from './command.ts';
import type { Fault, Try } from './fault.ts';
import { forkWords } from './signals.ts';
import { compareWords, notWhole, type World } from './world.ts';

/** One may win and the other be refused, or both come to the same one after the other. */
function twice(command: string, words: readonly string[], broken: () => Promise<string | undefined>): Try {
  return {
    command,
    async run() {
      const both: Ended[] = await Promise.all([decpool(words), decpool(words)]);
      const why = both.map((ended) => lost(ended, [0, 2])).find((reason) => reason !== undefined);
      if (why !== undefined) return why;
      if (both.every(({ code }) => code !== 0)) return `both are refused: ${both[0].stderr}`;
      return broken();
    },
  };
}

const whole = (words: readonly string[]) => async () => {
  const { code, stderr } = await decpool(words);
  return code === 0 ? undefined : stderr;
};

function writers({ log, trace, sweep, fresh }: World): Try[] {
  const [results, swept, forked] = [fresh(), fresh(), fresh('.arrow')];
  const [converted, requests] = [fresh('.ndjson'), fresh('.arrow')];
  return [
    twice('compare', compareWords(results), () => notWhole(join(results, 'churn/logs/linux-6.12.arrow'))),
    twice('sweep', ['sweep', sweep, '--out', swept], whole(['sweep', sweep, '--out', swept])),
    twice('fork', forkWords(log, forked), () => notWhole(forked)),
    twice('convert LOG', ['convert', log, converted], () => notWhole(converted)),
    twice('convert TRACE', ['convert', trace, requests], whole(['analyze', requests])),
  ];
}

const VICTIM = 'what somebody else wrote\n';

/** A link that lies at `place` leads to a file of others, which stays as it is. */
function linked(command: string, place: string, words: readonly string[], folder: string): Try {
  return {
    command,
    async run() {
      const victim = join(folder, 'victim.txt');
      writeFileSync(victim, VICTIM);
      mkdirSync(dirname(place), { recursive: true });
      symlinkSync(victim, place);
      const why = lost(await decpool(words), [0, 2]);
      return why ?? (readFileSync(victim, 'utf8') === VICTIM ? undefined : `${place} was followed`);
    },
  };
}

/** A link in place of a folder leads to a folder of others, from which nothing is removed. */
function linkedFolder(command: string, place: string, words: readonly string[], folder: string): Try {
  return {
    command,
    async run() {
      const victim = join(folder, 'victims');
      mkdirSync(join(victim, 'logs'), { recursive: true });
      writeFileSync(join(victim, 'logs/mine.txt'), VICTIM);
      mkdirSync(dirname(place), { recursive: true });
      symlinkSync(victim, place);
      const why = lost(await decpool(words), [0, 2]);
      if (why !== undefined) return why;
      return readFileSync(join(victim, 'logs/mine.txt'), 'utf8') === VICTIM ? undefined : 'it was changed';
    },
  };
}

function links({ log, trace, sweep, results, fresh, folder }: World): Try[] {
  const file = (command: string, ending: string, words: (out: string) => string[], suffix: string) => {
    const out = fresh(ending);
    return linked(command, `${out}${suffix}`, words(out), folder);
  };
  const within = (command: string, words: (out: string) => string[], name: string) => {
    const out = fresh();
    return linked(command, join(out, name), words(out), folder);
  };
  const swept = (out: string) => ['sweep', sweep, '--out', out];
  const [replaced, partial] = [fresh(), fresh()];
  return [
    ...['', '.partial'].flatMap((suffix) => [
      file('convert LOG', '.ndjson', (out) => ['convert', log, out], suffix),
      file('convert LOG', '.parquet', (out) => ['convert', log, out], suffix),
      file('convert TRACE', '.arrow', (out) => ['convert', trace, out], suffix),
      file('fork', '.arrow', (out) => forkWords(log, out), suffix),
      file('report', '.html', (out) => ['report', results, '--out', out], suffix),
      within('sweep', swept, `results.csv${suffix}`),
      within('sweep', swept, `sweep.json${suffix}`),
    ]),
    within('sweep', swept, 'cells.ndjson'),
    within('sweep', swept, 'lock'),
    within('compare', compareWords, 'churn.lock'),
    linkedFolder('compare', join(replaced, 'churn'), compareWords(replaced), folder),
    linkedFolder('compare', join(partial, 'churn.partial'), compareWords(partial), folder),
  ];
}

export const writerFaults = (world: World): Fault[] => [
  { name: 'two writers', tries: writers(world) },
  { name: 'symbolic links where files are written', tries: links(world) },
];
