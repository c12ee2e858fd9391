import { SingleBar } from 'cli-progress';
import { durationText } from '../text/time.ts';
import type { Output } from './output.ts';

/** Where progress is written; not standard output. */
export interface Stream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A bar on a terminal; in a log a line now and then. */
interface Progress {
  /** `text`: as in `3 of 8 cells | 2 cells/s | 3 s left`. Once all is done the bar is removed. */
  show(done: number, all: number, text: string): void;
  stop(): void;
}

/** A terminal that cannot move its cursor gets lines as a log does. */
const progressOf = (
  name: string,
  { isWatched }: Pick<Output, 'isWatched'>,
  stream: Stream = process.stderr,
): Progress =>
  isWatched && stream.isTTY === true && process.env['TERM'] !== 'dumb'
    ? bar(name, stream)
    : lines(name, stream);

function bar(name: string, stream: Stream): Progress {
  const bar = new SingleBar({
    format: (_, { progress }, payload: { readonly text: string }) =>
      barLine(name, progress, payload.text, stream.columns || USUAL_TERMINAL),
    stream,
    clearOnComplete: true,
    hideCursor: true,
  });
  let isShown = false;
  let forget = () => {};
  const stop = () => {
    bar.stop();
    forget();
  };
  return {
    show(done, all, text) {
      if (isShown) bar.update(done, { text });
      else {
        forget = atEnd(stop);
        bar.start(all, done, { text });
      }
      isShown = true;
      // What comes behind it is for the terminal, too.
      if (done === all) stop();
    },
    stop,
  };
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Calls `stop` if the process ends: a bar has hidden the cursor. Signals with other listeners are left to them. Returns what undoes it. */
function atEnd(stop: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return;
    stop();
    process.kill(process.pid, signal);
  };
  process.on('exit', stop);
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  return () => {
    process.off('exit', stop);
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
  };
}

const USUAL_TERMINAL = 80;
const WIDEST_BAR = 40;
/** A narrower bar adds nothing to the percentage. */
const NARROWEST_BAR = 8;
const BETWEEN = ' | ';

/** As much as a terminal has columns for: rate and time left matter most, then the counts, then the bar. */
function barLine(name: string, progress: number, text: string, columns: number): string {
  // Behind a character in the last column the rest of a line cannot be cleared without it.
  const room = columns - 1;
  const behind = (words: string) => `${Math.floor(100 * progress)} %${BETWEEN}${words}`;
  const whole = behind(text);
  const barRoom = Math.min(WIDEST_BAR, room - `${name}  ${whole}`.length);
  if (barRoom >= NARROWEST_BAR) {
    const full = Math.round(barRoom * progress);
    return `${name} ${'='.repeat(full)}${'-'.repeat(barRoom - full)} ${whole}`;
  }
  const [, ...others] = text.split(BETWEEN);
  const isTooLong = `${name} ${whole}`.length > room;
  const kept = isTooLong && others.length > 0 ? behind(others.join(BETWEEN)) : whole;
  return `${name.slice(0, Math.max(0, room - kept.length - 1))} ${kept}`.trimStart().slice(0, room);
}

const LINE_INTERVAL_MS = 10_000;

function lines(name: string, stream: Stream): Progress {
  let last = performance.now();
  return {
    show(done, all, text) {
      if (done === all || performance.now() - last < LINE_INTERVAL_MS) return;
      last = performance.now();
      stream.write(`${name}: ${text}\n`);
    },
    stop: () => {},
  };
}

/** Progress of things that take about as long as each other: with their rate, and the time that is left. */
export interface Count {
  /** `left`: seconds that the rest will take (default: at the same rate). `more` is shown behind it. */
  show(done: number, all: number, left?: number, more?: string): void;
  stop(): void;
}

/** `unit`: what is counted, as in `requests`. The clock runs from here on. */
export function counted(
  name: string,
  unit: string,
  output: Pick<Output, 'isWatched'>,
  stream?: Stream,
): Count {
  const progress = progressOf(name, output, stream);
  const begun = performance.now();
  return {
    show(done, all, left, more) {
      const pace = paceText(done, all, unit, (performance.now() - begun) / 1000, left);
      progress.show(done, all, more === undefined ? pace : `${pace}${BETWEEN}${more}`);
    },
    stop: () => progress.stop(),
  };
}

/** `30,000 of 120,000 requests | 4,500 requests/s | 20 s left`, after so many seconds. */
function paceText(
  done: number,
  all: number,
  unit: string,
  seconds: number,
  left = ((all - done) * seconds) / done,
): string {
  const count = `${done.toLocaleString('en')} of ${all.toLocaleString('en')} ${unit}`;
  if (done === 0 || seconds === 0) return count;
  const rate = Number((done / seconds).toPrecision(2)).toLocaleString('en');
  return `${count} | ${rate} ${unit}/s | ${durationText(left)} left`;
}
