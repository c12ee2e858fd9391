import { expect } from 'vitest';

/** For specs: nothing on standard error but how far a long run is, a line now and then. */
export const PROGRESS_ONLY: string = expect.stringMatching(/^(\S+: [\d,]+ of [\d,]+ requests .*\n)*$/);
