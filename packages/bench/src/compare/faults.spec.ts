import { InputError } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { parseFaults } from './faults.ts';

describe('--faults', () => {
  it('takes chances, retries and a seed in any order; by default nothing fails, and one retry is made', () => {
    expect(parseFaults('encrypt=0.25,retries=2')).toEqual({
      seed: 1,
      decrypt: 0,
      encrypt: 0.25,
      converted: 0,
      retries: 2,
    });
    expect(parseFaults('seed=7,decrypt=1,converted=0.5')).toEqual({
      seed: 7,
      decrypt: 1,
      encrypt: 0,
      converted: 0.5,
      retries: 1,
    });
  });

  it.each([
    ['decrypt', /'decrypt': expected NAME=VALUE with one of seed, decrypt, encrypt, converted, retries/],
    ['decrypt=', /'decrypt=': expected NAME=VALUE/],
    ['decrypt=0.1=2', /'decrypt=0\.1=2': expected NAME=VALUE/],
    ['decrpyt=0.1', /'decrpyt=0.1': expected NAME=VALUE/],
    ['decrypt=0.1,encrypt=0.1,decrypt=0.1', /'decrypt=0.1': 'decrypt' is a duplicate/],
    ['decrypt=1.5', /'decrypt=1.5': expected a chance from 0 to 1/],
    ['decrypt=nan', /expected a chance from 0 to 1/],
    ['decrypt=0.1,retries=1.5', /'retries=1.5': expected a whole number/],
    ['decrypt=0.1,retries=-1', /expected a whole number/],
    ['decrypt=0.1,retries=1001', /'retries=1001': expected a whole number up to 1000/],
    ['decrypt=0.1,seed=4294967296', /'seed=4294967296': expected a whole number up to 4294967295/],
    ['retries=3', /no conversion fails; expected a chance above 0/],
  ])('refuses %s', (text, message) => {
    expect(() => parseFaults(text)).toThrow(InputError);
    expect(() => parseFaults(text)).toThrow(message);
  });
});
