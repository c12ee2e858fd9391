import { SingleBar } from 'cli-progress';
import { durationText } from '../sweep/pace.ts';
import type { Output } from './command-context.ts';

/** Where progress is told: nothing of it is for standard output. */
type Stream = NodeJS.WritableStream;

/** How far something is: a bar on a terminal, and in a log nothing but a line now and then. */
export interface Progress {
  /** `text` says the same in words. Once all is done there is nothing left to be seen of a bar. */
  show(done: number, all: number, text: string): void;
  stop(): void;
}

export const progressOf = (
  name: string,
  { isWatched }: Pick<Output, 'isWatched'>,
  stream: Stream = process.stderr,
): Progress => (isWatched ? bar(name, stream) : lines(name, stream));

function bar(name: string, stream: Stream): Progress {
  const bar = new SingleBar({
    format: `${name} {bar} {percentage} % | {text}`,
    stream,
    clearOnComplete: true,
    hideCursor: true,
  });
  let isShown = false;
  return {
    show(done, all, text) {
      if (!isShown) bar.start(all, done, { text });
      else bar.update(done, { text });
      isShown = true;
      // What comes behind it is for the terminal, too.
      if (done === all) bar.stop();
    },
    stop: () => bar.stop(),
  };
}

const LINE_INTERVAL_MS = 10_000;

function lines(name: string, stream: Stream): Progress {
  let told = performance.now();
  return {
    show(done, all, text) {
      if (done === all || performance.now() - told < LINE_INTERVAL_MS) return;
      told = performance.now();
      stream.write(`${name}: ${text}\n`);
    },
    stop: () => {},
  };
}

/** Progress of things that take about as long as each other: with their rate, and the time that is left. */
export interface Count {
  show(done: number, all: number): void;
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
    show: (done, all) =>
      progress.show(done, all, paceText(done, all, unit, (performance.now() - begun) / 1000)),
    stop: () => progress.stop(),
  };
}

/** `30,000 of 120,000 requests | 4,500 requests/s | 20 s left`, when so many seconds have gone by. */
function paceText(done: number, all: number, unit: string, seconds: number): string {
  const count = `${done.toLocaleString('en')} of ${all.toLocaleString('en')} ${unit}`;
  if (done === 0 || seconds === 0) return count;
  const rate = Number((done / seconds).toPrecision(2)).toLocaleString('en');
  return `${count} | ${rate} ${unit}/s | ${durationText(((all - done) * seconds) / done)} left`;
}
