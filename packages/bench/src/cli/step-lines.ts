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

/** At the end of the input, or when nobody reads any more. Returns the exit code: whether a command was wrong. */
export async function stepByLines(stepper: Stepper, output: Output): Promise<number> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  let isRead = true;
  const forget = onReaderGone(() => {
    isRead = false;
    lines.close();
  });
  const reader = new LineStepper(stepper, output, () => isRead);
  try {
    await reader.show();
    for await (const line of lines) if (!isRead || !(await reader.read(line))) break;
  } finally {
    forget();
    lines.close();
    // What is left in the pipe must not keep the process.
    process.stdin.destroy();
  }
  return reader.hasRefused ? EXIT.misuse : EXIT.done;
}

class LineStepper {
  readonly #stepper: Stepper;
  readonly #session: StepSession;
  readonly #text: StepText;
  readonly #output: Output;
  readonly #isRead: () => boolean;
  hasRefused = false;

  constructor(stepper: Stepper, output: Output, isRead: () => boolean) {
    this.#stepper = stepper;
    this.#session = new StepSession(stepper);
    this.#text = new StepText(stepper);
    this.#output = output;
    this.#isRead = isRead;
  }

  async show(): Promise<void> {
    this.#output.write(`${(await this.#text.lines()).join('\n')}\n\n`);
  }

  /** Returns whether to go on. A wrong command is told and changes nothing. */
  async read(line: string): Promise<boolean> {
    if (line.trim() === '') return true;
    try {
      return await this.#do(parseCommand(line));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.hasRefused = true;
      this.#output.write(`${printableLines(error.message)}\n\n`);
      return true;
    }
  }

  async #do(command: StepCommand): Promise<boolean> {
    switch (command.kind) {
      case 'quit':
        return false;
      case 'help':
        this.#output.write(`${COMMAND_HELP}\n\nmap: ${MAP_LEGEND}\n\n`);
        return true;
      case 'play':
        await this.#play(command.perSecond, command.events);
        break;
      default: {
        const said = await this.#session.run(command, () => !this.#isRead());
        if (said !== undefined) this.#output.write(`${said}\n`);
      }
    }
    await this.show();
    return true;
  }

  /** The events as they go by, a line each. */
  async #play(perSecond: number, events: number): Promise<void> {
    const start = performance.now();
    for (let played = 1; played <= events && this.#stepper.position < this.#stepper.log.events; played++) {
      if (!this.#isRead()) return;
      const due = start + (played * 1000) / perSecond - performance.now();
      if (due > 1) await delay(due);
      await this.#stepper.go(this.#stepper.position + 1);
      const step = await this.#stepper.step();
      if (step !== undefined) this.#output.write(`${eventLine(step.event, this.#text.names)}\n`);
    }
  }
}
