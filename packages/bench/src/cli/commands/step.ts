import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { eventNumber } from '../numbers.ts';
import { withLog } from '../reading.ts';

export function addStep(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('step')
    .summary('step through an event log, forward and back')
    .description(
      'Shows one event after the other with who caused it, the counters it changed and a map of the blocks around. On a terminal it is driven by keys, ? lists them; otherwise it reads commands from standard input, a line each, of which ? lists all.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .option('--at <events>', 'begin after so many events', eventNumber, 0)
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool step decpool-results/netvsc/logs/linux-6.12.arrow
  printf 's\\nn 10\\n/netvsc\\n' | decpool step decpool-results/netvsc/logs/linux-6.12.arrow

SEE ALSO
  decpool show, decpool tail; docs/replay.md`,
    )
    .action(async (path: string, { at }: { readonly at: number }) => {
      const { Stepper, expectPosition } = await import('../../inspect/stepper.ts');
      const code = await withLog(path, async (log) => {
        expectPosition(log, at);
        const stepper = new Stepper(log);
        await stepper.go(at);
        return isTerminal() ? onScreen(stepper, output) : byLines(stepper, output);
      });
      exit(code);
    });
}

/** Whether keys can be read and a screen be drawn. */
const isTerminal = (): boolean =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';

type Open = import('../../inspect/stepper.ts').Stepper;

async function onScreen(stepper: Open, output: CommandContext['output']): Promise<number> {
  const { StepScreen } = await import('../step-screen.ts');
  return new StepScreen(stepper, output.isColoured).run();
}

async function byLines(stepper: Open, output: CommandContext['output']): Promise<number> {
  const { stepByLines } = await import('../step-lines.ts');
  return stepByLines(stepper, output);
}
