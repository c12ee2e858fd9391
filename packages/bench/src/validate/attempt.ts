import { InputError } from '@decpool/model';

/** What was read, or what is wrong with it: one bad file does not silence the others of a batch. */
export function attempt<Result>(read: () => Result): Result | InputError {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}
