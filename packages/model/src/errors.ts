/**
 * Something the user gave is wrong: a setting, a file, a line. The message alone must tell what was
 * wrong, where, and what would be right; a command prints it without a stack trace.
 */
export class InputError extends Error {
  override readonly name: string = 'InputError';
}

/** An event that cannot have happened in the state it is folded into. The message names the event and the rule it breaks. */
export class InvariantError extends InputError {
  override readonly name = 'InvariantError';
  /** The broken rule alone, without the event. */
  readonly why: string;

  constructor(message: string, why: string = message) {
    super(message);
    this.why = why;
  }
}
