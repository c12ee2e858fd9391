import { type Faults, InputError } from '@decpool/model';

const USUAL: Faults = { seed: 1, decrypt: 0, encrypt: 0, converted: 0, retries: 1 };
const CHANCES: readonly string[] = ['decrypt', 'encrypt', 'converted'];
const MOST = 0xffffffff;

/**
 * Conversions that fail: `decrypt=0.01,encrypt=0.02,converted=0.5,retries=1,seed=7`, each at most once. Whoever meets an
 * error tries set_memory_encrypted() `retries` times before the pages are leaked, default: once; 0: never.
 * Throws InputError that says which part is wrong.
 */
export function parseFaults(text: string): Faults {
  const faults: Record<string, number> = { ...USUAL };
  const given = new Set<string>();
  for (const part of text.split(',')) {
    const [name, value, ...rest] = part.split('=');
    const number = Number(value);
    if (!Object.hasOwn(USUAL, name) || value === undefined || value === '' || rest.length > 0) {
      throw new InputError(
        `--faults: '${part}': expected NAME=VALUE with one of ${Object.keys(USUAL).join(', ')}, such as decrypt=0.01`,
      );
    }
    if (given.has(name))
      throw new InputError(`--faults: '${part}': '${name}' is a duplicate; expected each name once`);
    given.add(name);
    const isChance = CHANCES.includes(name);
    const isGood = isChance
      ? number >= 0 && number <= 1
      : Number.isInteger(number) && number >= 0 && number <= MOST;
    if (!isGood) {
      const expected = isChance ? 'a chance from 0 to 1' : 'a whole number';
      throw new InputError(`--faults: '${part}': expected ${expected}`);
    }
    faults[name] = number;
  }
  if (faults['decrypt'] === 0 && faults['encrypt'] === 0) {
    throw new InputError(
      `--faults '${text}': no conversion fails; expected a chance above 0 for decrypt or encrypt`,
    );
  }
  return faults as unknown as Faults;
}
