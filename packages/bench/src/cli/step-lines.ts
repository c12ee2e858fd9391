/** The stepper without a terminal: a command per line, plain text after each. */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { InputError } from '@decpool/model';
import { eventLine } from '../inspect/event-text.ts';
import { COMMAND_HELP, parseCommand, type StepCommand } from '../inspect/step-commands.ts';
import { StepSession } from '../inspect/step-session.ts';
import { MAP_LEGEND, StepText } from '../inspect/step-text.ts';
import type { Stepper } from '../inspect/stepper.ts';
import { printableLines } from '../text/printable.ts';
import { EXIT } from './exit-status.ts';
import type { Output } from './output.ts';
import { onReaderGone } from './reader.ts';

/** Until the input ends or the output has no reader. Returns the exit code: whether a command was wrong. */
export async function stepByLines(stepper: Stepper, output: Output): Promise<number> {
  const session = new StepSession(stepper);
  const text = new StepText(stepper);
  const lines = createInterface({ input: process.stdin, terminal: false });
  let isRead = true;
  let code: number = EXIT.done;
  const forget = onReaderGone(() => {
    isRead = false;
    lines.close();
  });

  const show = async () => output.write(`${(await text.lines()).join('\n')}\n\n`);

  /** A line per event, as they go by. */
  async function play(perSecond: number, events: number): Promise<void> {
    const start = performance.now();
    for (let played = 1; isRead && played <= events && stepper.position < stepper.log.events; played++) {
      const due = start + (played * 1000) / perSecond - performance.now();
      if (due > 1) await delay(due);
      await stepper.go(stepper.position + 1);
      const step = await stepper.step();
      if (step !== undefined) output.write(`${eventLine(step.event, text.names)}\n`);
    }
  }

  async function run(command: Exclude<StepCommand, { kind: 'quit' }>): Promise<void> {
    if (command.kind === 'help') return output.write(`${COMMAND_HELP}\n\nmap: ${MAP_LEGEND}\n\n`);
    if (command.kind === 'play') await play(command.perSecond, command.events);
    else {
      const message = await session.run(command, () => !isRead);
      if (message !== undefined) output.write(`${message}\n`);
    }
    await show();
  }

  try {
    await show();
    for await (const line of lines) {
      if (!isRead) break;
      if (line.trim() === '') continue;
      try {
        const command = parseCommand(line);
        if (command.kind === 'quit') break;
        await run(command);
      } catch (error) {
        // A wrong command changes nothing.
        if (!(error instanceof InputError)) throw error;
        code = EXIT.misuse;
        output.write(`${printableLines(error.message)}\n\n`);
      }
    }
  } finally {
    forget();
    lines.close();
    // What is left in the pipe must not keep the process.
    process.stdin.destroy();
  }
  return code;
}
