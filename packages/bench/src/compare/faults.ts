import type { Faults } from '@decpool/model';
import { InputError } from '@decpool/model';
import { MAX_RETRIES } from '@decpool/model/internal';

const DEFAULTS: Faults = { seed: 1, decrypt: 0, encrypt: 0, converted: 0, retries: 1 };
const CHANCES: readonly string[] = ['decrypt', 'encrypt', 'converted'];
const MAX_SEED = 0xffffffff;

/**
 * Conversions that fail: `decrypt=0.01,encrypt=0.02,converted=0.5,retries=1,seed=7`, each at most once. After an error
 * set_memory_encrypted() is tried `retries` times (default: 1) before the pages are leaked. Throws InputError that says which part
 * is wrong.
 */
export function parseFaults(text: string): Faults {
  const given: { -readonly [Name in keyof Faults]?: number } = {};
  for (const part of text.split(',')) {
    const [name, value, ...rest] = part.split('=');
    if (!isName(name) || value === undefined || value === '' || rest.length > 0) {
      throw new InputError(
        `--faults: '${part}': expected NAME=VALUE with one of ${Object.keys(DEFAULTS).join(', ')}, such as decrypt=0.01`,
      );
    }
    if (name in given)
      throw new InputError(`--faults: '${part}': '${name}' is a duplicate; expected each name once`);
    const number = Number(value);
    const isChance = CHANCES.includes(name);
    const most = isChance ? 1 : name === 'seed' ? MAX_SEED : MAX_RETRIES;
    if (!(number >= 0 && number <= most && (isChance || Number.isInteger(number)))) {
      throw new InputError(
        `--faults: '${part}': expected ${isChance ? 'a chance from 0 to 1' : `a whole number up to ${most}`}`,
      );
    }
    given[name] = number;
  }
  const faults = { ...DEFAULTS, ...given };
  if (faults.decrypt > 0 || faults.encrypt > 0) return faults;
  throw new InputError(
    `--faults '${text}': no conversion fails; expected a chance above 0 for decrypt or encrypt`,
  );
}

/** The fault seed counts up with the placement seed (modulo 2^32), so that the range over the seeds includes chance. */
export const faultsOfRun = (faults: Faults, run: number): Faults => ({
  ...faults,
  seed: (faults.seed + run) >>> 0,
});

const isName = (name: string): name is keyof Faults => Object.hasOwn(DEFAULTS, name);
