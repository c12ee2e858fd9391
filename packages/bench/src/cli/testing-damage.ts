/** Damage done to a small log, and what the commands that read logs make of it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openFile } from '../log/byte-file.ts';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import { placesIn } from '../log/places.ts';
import { type Run, writeLog } from '../log/testing.ts';
import { EXIT } from './exit-status.ts';
import { decpool } from './testing.ts';

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The log that was written, if any. */
  readonly written: string | undefined;
}

/**
 * `found`: refused, or a check failed, with the place. `the same`: the answer is that of the whole log. `cut off`: it is that of a log
 * that ends with one of the segments, and says so.
 */
export type Verdict = 'found' | 'the same' | 'cut off';

export const COMMANDS = ['verify', 'show', 'diff', 'fork', 'explain', 'stats'] as const;
type Command = (typeof COMMANDS)[number];
type Answers = Readonly<Record<Command, Answer>>;

const PLACE =
  /\bline \d+:|\bin its header\b|\bevents? \d+\b|\bafter \d+ events\b|\bthe (seal|header|trailer|checkpoint)\b|\bends inside\b|\bis empty\b|\bafter the end of the Arrow stream\b/;

/** An event of the second request of a short run. */
const FORKED_AT = '12';

/** The size of the file, and how much of its end is left out, differ with the damage. */
const withoutSizes = ({ stdout, ...rest }: Answer): Answer => ({
  ...rest,
  stdout: stdout
    .replace(/^size .*$/m, '')
    .replace(/; \d+ events? of a torn segment are left out/, '')
    .replace(/, and \d+ more events are incomplete/, ''),
});

/** `count` of the numbers below `end`, spread evenly, always the same. All, if `count` is no smaller. */
export function spread(count: number, end: number): number[] {
  if (count >= end) return [...Array(end).keys()];
  return Array.from({ length: count }, (_, at) => Math.floor(((at * 0.6180339887498949 + 0.5) % 1) * end));
}

/** The commands on a small log that is damaged again and again. */
export class DamagedLog {
  readonly bytes: Buffer;
  readonly #path: string;
  readonly #whole: string;
  readonly #forked: string;
  /** Of the whole log, and of those that end with one of its segments. */
  readonly #answers: Answers[] = [];

  /** `whole`: an undamaged log in a folder of its own. */
  private constructor(whole: string, folder: string, format: LogFormat) {
    this.bytes = readFileSync(whole);
    this.#whole = whole;
    this.#path = join(folder, `damaged${LOG_FORMATS[format]}`);
    this.#forked = join(folder, `forked${LOG_FORMATS[format]}`);
  }

  static async of(run: Run, format: LogFormat, folder: string): Promise<DamagedLog> {
    const whole = join(folder, `whole${LOG_FORMATS[format]}`);
    await writeLog(whole, format, run, { keyframeEvents: 8 });
    const log = new DamagedLog(whole, folder, format);
    const lengths = [log.bytes.length, ...(await log.#ends())];
    for (const length of lengths) log.#answers.push(await log.#answersTo(log.bytes.subarray(0, length)));
    return log;
  }

  /** Lengths of the log behind its header, each of its segments and its keyframes. */
  async #ends(): Promise<number[]> {
    const file = await openFile(this.#whole);
    try {
      const { segments, keyframes, end } = await placesIn(file);
      return [...segments, ...keyframes, end].map(({ offset }) => offset);
    } finally {
      await file.close();
    }
  }

  async #answersTo(bytes: Uint8Array): Promise<Answers> {
    writeFileSync(this.#path, bytes);
    const answers: [string, Answer][] = [];
    for (const command of COMMANDS) answers.push([command, await this.#answer(command)]);
    return Object.fromEntries(answers) as Answers;
  }

  async #answer(command: Command): Promise<Answer> {
    const words = {
      verify: [],
      show: [],
      diff: [this.#whole],
      fork: ['--at', FORKED_AT, '--policy', 'first-fit+block+immediate', '--out', this.#forked],
      explain: [],
      stats: [],
    }[command];
    const answer = await decpool(command, this.#path, ...words);
    const written = existsSync(this.#forked) ? readFileSync(this.#forked, 'latin1') : undefined;
    rmSync(this.#forked, { force: true });
    if (existsSync(`${this.#forked}.partial`)) throw new Error(`${command} left ${this.#forked}.partial`);
    return { ...answer, written };
  }

  /** How each command dealt with the log, or, if it was not honest, all that it answered. */
  async verdicts(bytes: Uint8Array): Promise<Record<Command, Verdict | Answer>> {
    const answers = await this.#answersTo(bytes);
    return Object.fromEntries(
      COMMANDS.map((command) => [command, this.#verdict(command, answers[command]) ?? answers[command]]),
    ) as Record<Command, Verdict | Answer>;
  }

  #verdict(command: Command, answer: Answer): Verdict | undefined {
    const { code, stdout, stderr, written } = answer;
    if (code === EXIT.defect) return undefined;
    const isLike = (answers: Answers) =>
      isDeepStrictEqual(withoutSizes(answer), withoutSizes(answers[command]));
    const [whole, ...cutOff] = this.#answers;
    if (isLike(whole)) return 'the same';
    if (cutOff.some(isLike) && /\bcut off\b/.test(stdout + stderr)) return 'cut off';
    if (command === 'verify' && code === EXIT.different) {
      const wrong = stdout.split('\n').filter((line) => line.includes(' WRONG '));
      return stderr === '' && wrong.some((line) => PLACE.test(line)) ? 'found' : undefined;
    }
    const start = `decpool: ${this.#path}: `;
    const isRefusal = code === EXIT.misuse && stdout === '' && written === undefined;
    const isOneLine = stderr.startsWith(start) && stderr.indexOf('\n') === stderr.length - 1;
    return isRefusal && isOneLine && PLACE.test(stderr.slice(start.length)) ? 'found' : undefined;
  }
}
