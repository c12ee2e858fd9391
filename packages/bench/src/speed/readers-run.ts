/**
 * One reader over made lines, in a process of its own so that its peak memory is its own. `node --import tsx readers-run.ts NAME
 * LINES` prints one JSON line. NAME is an input of reader-lines.ts; with `split` before LINES its lines are only split.
 */
import { readText } from '../traces/import.ts';
import { linesIn } from '../traces/lines.ts';
import { parseSharedExpression } from '../traces/shared-expression.ts';
import { chunksOf, READER_INPUTS } from './reader-lines.ts';
import { cpuSecondsSince } from './requests.ts';

/** What readers-run.ts measures. CPU time, without that of making the lines. */
export interface ReaderRun {
  readonly lines: number;
  /** Requests that came of them. */
  readonly requests: number;
  readonly cpuSeconds: number;
  /** Of the process, bytes. */
  readonly peakMemory: number;
}

const [name, how, count] = process.argv.slice(2);
const lines = Number(count);
const input = READER_INPUTS.find((candidate) => candidate.name === name);
if (input === undefined) throw new Error(`no reader ${name}`);

let making = 0;
const chunks = (async function* () {
  const made = chunksOf(input, lines);
  for (;;) {
    const start = process.cpuUsage();
    const { value, done } = made.next();
    making += cpuSecondsSince(start);
    if (done === true) return;
    yield value;
  }
})();
const start = process.cpuUsage();
let requests = 0;
if (how === 'split') {
  for await (const part of linesIn(chunks, 'made')) requests += part.length;
} else {
  const shared = input.expression === undefined ? undefined : parseSharedExpression(input.expression);
  await readText(chunks, 'made', { shared }, { add: () => void requests++, drain: async () => {} });
}
const cpuSeconds = cpuSecondsSince(start) - making;
const run: ReaderRun = { lines, requests, cpuSeconds, peakMemory: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(`${JSON.stringify(run)}\n`);
