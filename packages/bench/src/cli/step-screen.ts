/** The stepper on a terminal: a screen of its own, driven by keys. */
import { emitKeypressEvents, type Key } from 'node:readline';
import { InputError } from '@decpool/model';
import picocolors from 'picocolors';
import { eventLine } from '../inspect/event-text.ts';
import { factsOf } from '../inspect/stats.ts';
import { COMMAND_HELP, parseCommand, type StepCommand } from '../inspect/step-commands.ts';
import { StepSession } from '../inspect/step-session.ts';
import { MAP_LEGEND, StepText } from '../inspect/step-text.ts';
import type { Stepper } from '../inspect/stepper.ts';
import { printable } from '../text/printable.ts';
import { EXIT } from './exit-status.ts';

const ESC = '\u001b[';
/** The other screen, without a cursor and without wrapping; and back. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
const HOME = `${ESC}H`;
const END_OF_LINE = `${ESC}K`;
const END_OF_SCREEN = `${ESC}J`;

const KEY_HELP = `right, n         the next event           left, b          the one before
page down, up    100 events on, back      end, home        the end, the start of the log
space            play, and pause          +, -             twice as fast, half as fast
:                a command, as below; g, t, /, \\, f and F begin one
escape           leaves a command         ctrl-c           quit`;

const HELP_LINES = `${KEY_HELP}\n\n${COMMAND_HELP}\n\nmap: ${MAP_LEGEND}`.split('\n');

const KEYS = 'n/b on, back  g go  t time  / owner  f find  e failure  s split  space play  ? help  q quit';

/** Events around the last one. */
const AROUND = { before: 5, behind: 3 };
const PAGE_EVENTS = 100;
/** Between two pictures of a log that plays, ms. */
const TICK_MS = 50;
const SPEED = { first: 20, least: 1, most: 1_000_000 };
/** Keys that were typed ahead; a key that is held down types more than can be drawn. */
const KEYS_AHEAD = 64;

/** Keys that do what a command does. */
const MOVES: Readonly<Record<string, StepCommand>> = {
  right: { kind: 'move', by: 1 },
  left: { kind: 'move', by: -1 },
  pagedown: { kind: 'move', by: PAGE_EVENTS },
  pageup: { kind: 'move', by: -PAGE_EVENTS },
  home: { kind: 'go', to: 0 },
};
/** What is typed so far after a key that begins a command. */
const BEGINS: Readonly<Record<string, string>> = {
  ...{ g: 'g ', t: 't ', f: 'f ', F: 'F ' },
  ...{ '/': '/', '\\': '\\', ':': '' },
};

interface Pressed {
  readonly text: string;
  readonly name: string;
  readonly isControl: boolean;
}

const rowsOfTerminal = (): number => process.stdout.rows ?? 24;

export class StepScreen {
  readonly #stepper: Stepper;
  readonly #session: StepSession;
  readonly #text: StepText;
  readonly #colours: ReturnType<typeof picocolors.createColors>;
  #keys: Pressed[] = [];
  #wake: () => void = () => {};
  #isOpen = false;
  #exit: number | undefined;
  /** A command that is being typed. */
  #typed: string | undefined;
  #message = '';
  #isHelp = false;
  #isPlaying = false;
  #perSecond = SPEED.first;
  #playedUntil = 0;

  constructor(stepper: Stepper, isColoured: boolean) {
    this.#stepper = stepper;
    this.#session = new StepSession(stepper);
    this.#text = new StepText(stepper);
    this.#colours = picocolors.createColors(isColoured);
  }

  /** Until the user quits. Returns the exit code. The terminal is as before, however it ends. */
  async run(): Promise<number> {
    const stop = (code: number) => () => {
      this.#leave();
      process.exit(code);
    };
    const [onTerm, onHangUp] = [stop(143), stop(129)];
    const leave = () => this.#leave();
    process.once('exit', leave).once('SIGTERM', onTerm).once('SIGHUP', onHangUp);
    this.#enter();
    try {
      while (this.#exit === undefined) {
        if (this.#keys.length === 0) await this.#draw();
        await this.#next();
      }
    } finally {
      this.#leave();
      process.off('exit', leave).off('SIGTERM', onTerm).off('SIGHUP', onHangUp);
    }
    return this.#exit;
  }

  #enter(): void {
    this.#isOpen = true;
    emitKeypressEvents(process.stdin);
    process.stdin.on('keypress', this.#onKey).on('end', this.#onEnd);
    process.stdout.on('resize', this.#onResize);
    process.stdin.setRawMode(true);
    process.stdin.resume();
    process.stdout.write(ENTER);
  }

  #leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.stdin.off('keypress', this.#onKey).off('end', this.#onEnd);
    process.stdout.off('resize', this.#onResize);
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdout.write(LEAVE);
  }

  /** Ctrl-z: the terminal is the shell's until the process continues. */
  #suspend(): Promise<void> {
    this.#leave();
    return new Promise((resolve) => {
      // Nothing else keeps the process alive.
      const alive = setInterval(() => {}, 1000);
      process.once('SIGCONT', () => {
        clearInterval(alive);
        this.#enter();
        resolve();
      });
      process.kill(process.pid, 'SIGTSTP');
    });
  }

  readonly #onKey = (text: string | undefined, key: Key): void => {
    if (this.#keys.length < KEYS_AHEAD || key.name === 'q' || key.ctrl === true) {
      this.#keys.push({ text: text ?? '', name: key.name ?? '', isControl: key.ctrl === true });
    }
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#exit = 0;
    this.#wake();
  };

  readonly #onResize = (): void => this.#wake();

  /** Does what the next key says, or plays on when none comes. */
  async #next(): Promise<void> {
    if (this.#keys.length === 0) await this.#waits();
    const key = this.#keys.shift();
    try {
      if (key !== undefined) await this.#press(key);
      else if (this.#isPlaying) await this.#play();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#message = error.message;
    }
  }

  /** For a key, for a resize of the terminal, or, while it plays, for the next picture. */
  #waits(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#isPlaying ? setTimeout(resolve, TICK_MS) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#exit !== undefined) this.#wake();
    });
  }

  async #press(key: Pressed): Promise<void> {
    if (key.isControl && (key.name === 'c' || key.name === 'd')) {
      this.#exit = key.name === 'c' ? EXIT.interrupted : EXIT.done;
      return;
    }
    if (key.isControl && key.name === 'z') return this.#suspend();
    this.#message = '';
    if (this.#typed !== undefined) return this.#type(key, this.#typed);
    const wasHelp = this.#isHelp;
    this.#isHelp = false;
    if (wasHelp && (key.text === '?' || key.name === 'escape')) return;
    if (Object.hasOwn(BEGINS, key.text)) this.#typed = BEGINS[key.text];
    else if (key.text === ' ' || key.text === 'p') this.#playOrPause();
    else if (key.text === '+' || key.text === '-') this.#speed(key.text === '+' ? 2 : 0.5);
    else await this.#do(this.#commandOf(key));
  }

  #commandOf({ text, name }: Pressed): StepCommand | undefined {
    if (name === 'end') return { kind: 'go', to: this.#stepper.log.events };
    if (Object.hasOwn(MOVES, name)) return MOVES[name];
    return 'nbeEsSrR?q'.includes(text) && text.length === 1 ? parseCommand(text) : undefined;
  }

  /** A key while a command is typed. */
  async #type({ text, name, isControl }: Pressed, typed: string): Promise<void> {
    if (name === 'escape') this.#typed = undefined;
    else if (name === 'return' || name === 'enter') {
      this.#typed = undefined;
      if (typed.trim() !== '') await this.#do(parseCommand(typed));
    } else if (name === 'backspace') this.#typed = typed === '' ? undefined : typed.slice(0, -1);
    else if (!isControl && printable(text) === text) this.#typed = typed + text;
  }

  async #do(command: StepCommand | undefined): Promise<void> {
    if (command === undefined) return;
    this.#isPlaying = false;
    if (command.kind === 'quit') this.#exit = 0;
    else if (command.kind === 'help') this.#isHelp = true;
    else if (command.kind === 'play') {
      this.#perSecond = command.perSecond;
      this.#playOrPause();
    } else {
      if (command.kind === 'find' || command.kind === 'again') this.#bottom(0, 'searching; any key stops it');
      // A key that was typed meanwhile ends a search.
      this.#message = (await this.#session.run(command, () => this.#keys.length > 0)) ?? '';
    }
  }

  #playOrPause(): void {
    this.#isPlaying = !this.#isPlaying;
    this.#playedUntil = performance.now();
  }

  #speed(times: number): void {
    this.#perSecond = Math.max(SPEED.least, Math.min(SPEED.most, Math.round(this.#perSecond * times)));
  }

  async #play(): Promise<void> {
    const events = Math.floor(((performance.now() - this.#playedUntil) * this.#perSecond) / 1000);
    if (events === 0) return;
    this.#playedUntil += (events * 1000) / this.#perSecond;
    await this.#stepper.go(this.#stepper.position + events);
    if (this.#stepper.position === this.#stepper.log.events) this.#isPlaying = false;
  }

  async #draw(): Promise<void> {
    const { bold, dim } = this.#colours;
    const { workload, policy, platform } = factsOf(this.#stepper.log.header);
    const lines = [
      bold(printable(`${workload}, ${policy}, ${platform}`)),
      '',
      ...(this.#isHelp ? HELP_LINES : await this.#stepLines()),
    ];
    const shown = lines.slice(0, Math.max(1, rowsOfTerminal() - 2)).map((line) => line + END_OF_LINE);
    process.stdout.write(`${HOME}${shown.join('\r\n')}${END_OF_SCREEN}`);
    this.#bottom(1, printable(this.#message));
    const playing = `playing ${this.#perSecond} events a second; space pauses  `;
    const status = `${this.#isPlaying ? playing : ''}${KEYS}`;
    this.#bottom(0, this.#typed === undefined ? dim(status) : `: ${this.#typed}_`);
  }

  /** A line at the bottom of the terminal, so many lines above the last. */
  #bottom(above: number, text: string): void {
    process.stdout.write(`${ESC}${Math.max(1, rowsOfTerminal() - above)};1H${text}${END_OF_LINE}`);
  }

  async #stepLines(): Promise<string[]> {
    const { inverse, dim } = this.#colours;
    const last = this.#stepper.position - 1;
    const around = await this.#stepper.around(AROUND.before, AROUND.behind);
    const listed = around.map((event) => {
      const line = `${event.seq === last ? '>' : ' '}${eventLine(event, this.#text.names)}`;
      return event.seq === last ? inverse(line) : event.seq > last ? dim(line) : line;
    });
    return [...(await this.#text.lines()), dim(`         ${MAP_LEGEND}`), '', ...listed];
  }
}
