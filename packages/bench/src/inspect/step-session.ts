/** Runs commands of the stepper. */
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { eventsUntil } from './position.ts';
import type { StepCommand } from './step-commands.ts';
import { expectPosition, type Stepper } from './stepper.ts';
import { type Wanted, wantedText } from './wanted.ts';

type MoveCommand = Exclude<StepCommand, { kind: 'help' | 'quit' | 'play' }>;

export class StepSession {
  readonly #stepper: Stepper;
  #last: { readonly wanted: Wanted; readonly isBack: boolean } | undefined;

  constructor(stepper: Stepper) {
    this.#stepper = stepper;
  }

  /** Moves. Returns a message if it did not move or found nothing. Throws InputError. */
  async run(command: MoveCommand, isStopped?: () => boolean): Promise<string | undefined> {
    const stepper = this.#stepper;
    switch (command.kind) {
      case 'move':
        return this.#move(command.by);
      case 'go':
        expectPosition(stepper.log, command.to);
        await stepper.go(command.to);
        return undefined;
      case 'time':
        await stepper.go(await eventsUntil(stepper.log, command.ns));
        return stepper.position === 0 ? `no event happens until ${timeText(command.ns)}` : undefined;
      case 'find':
        this.#last = command;
        return this.#find(command.wanted, command.isBack, isStopped);
      case 'again':
        if (this.#last === undefined) return 'nothing was searched for yet';
        return this.#find(this.#last.wanted, this.#last.isBack !== command.isBack, isStopped);
    }
  }

  async #move(by: number): Promise<string | undefined> {
    const before = this.#stepper.position;
    await this.#stepper.go(before + by);
    if (this.#stepper.position !== before) return undefined;
    return by < 0 ? 'this is the start of the log' : 'this is the end of the log';
  }

  async #find(wanted: Wanted, isBack: boolean, isStopped?: () => boolean): Promise<string | undefined> {
    const found = await this.#stepper.find(wanted, isBack, isStopped);
    if (found === undefined) {
      if (isStopped?.() === true) return 'the search was stopped';
      const where = `${isBack ? 'before' : 'behind'} position ${formatValue(this.#stepper.position, 'count')}`;
      return `there is no ${wantedText(wanted).replace(/^an? /, '')} ${where}`;
    }
    await this.#stepper.go(found + 1);
    return undefined;
  }
}
