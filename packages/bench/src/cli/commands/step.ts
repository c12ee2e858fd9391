import { command, eventNumber } from '../declaration.ts';
import { LOG } from '../options.ts';
import { withLog } from '../reading.ts';

export const step = command({
  name: 'step',
  summary: 'step through an event log, forward and back',
  description:
    'Shows one event after the other: what caused it, the counters that it changed and a map of the blocks around it. On a terminal it is driven by keys; ? lists them. Otherwise it reads commands from standard input, one a line; ? lists them.',
  arguments: { log: LOG },
  options: { at: eventNumber('--at <events>', 'begin after this many events', { default: 0 }) },
  examples: [
    'decpool step decpool-results/netvsc/logs/linux-6.12.arrow',
    "printf 's\\nn 10\\n/netvsc\\n' | decpool step decpool-results/netvsc/logs/linux-6.12.arrow",
  ],
  seeAlso: 'decpool show, decpool tail; docs/replay.md',
  async run({ log: path, at }, { output }) {
    const { Stepper, expectPosition } = await import('../../inspect/stepper.ts');
    return withLog(path, async (log) => {
      expectPosition(log, at);
      const stepper = new Stepper(log);
      await stepper.go(at);
      if (isTerminal()) {
        const { StepScreen } = await import('../step-screen.ts');
        return new StepScreen(stepper, output.isColoured).run();
      }
      const { stepByLines } = await import('../step-lines.ts');
      return stepByLines(stepper, output);
    });
  },
});

/** Whether keys can be read and a screen be drawn. */
const isTerminal = (): boolean =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';
