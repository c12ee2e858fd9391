import { InputError } from '@decpool/model';
import { afterEach, describe, expect, it } from 'vitest';
import { changedBuiltins, watchBuiltins } from '../policies/builtins.ts';
import { EXIT } from './exit-status.ts';
import { tellFailure } from './failure.ts';
import { keptOutput } from './testing.ts';

const toldOf = (error: unknown) => {
  const output = keptOutput();
  return { code: tellFailure(error, output), told: output.told };
};
const ofSystem = (code: string) => Object.assign(new Error(`${code}: it failed`), { code });

afterEach(() => {
  changedBuiltins();
});

describe('a failure', () => {
  it('by invalid input is told in the words of the error', () => {
    expect(toldOf(new InputError('run.arrow: is empty'))).toEqual({
      code: EXIT.misuse,
      told: 'decpool: run.arrow: is empty\n',
    });
  });

  it.each([
    ['EMFILE', 'too many open files; allow more, as with: ulimit -n 1024'],
    ['ENFILE', 'too many open files; allow more, as with: ulimit -n 1024'],
    ['ERR_WORKER_OUT_OF_MEMORY', 'out of memory in a thread; allow more'],
  ])('by %s is no defect: what would help is told', (code, help) => {
    const { code: status, told } = toldOf(ofSystem(code));
    expect(status).toBe(EXIT.misuse);
    expect(told).toContain(`decpool: ${help}`);
    expect(told.split('\n')).toHaveLength(2);
  });

  it('of any other kind is a defect, with its trace', () => {
    const { code, told } = toldOf(new TypeError('no'));
    expect(code).toBe(EXIT.defect);
    expect(told).toMatch(/^decpool: a defect, please report it\nTypeError: no\n {4}at /);
  });

  it('after a policy file changed built-in objects is told as that, and they are put back', () => {
    const { map } = Array.prototype;
    watchBuiltins();
    Object.assign(Array.prototype, { map: () => [] });
    const told = toldOf(new InputError('what comes of it'));
    expect(Array.prototype.map).toBe(map);
    expect(told).toEqual({
      code: EXIT.misuse,
      told: 'decpool: a policy file has changed Array.prototype.map, which all of decpool uses; expected no change of built-in objects\n',
    });
  });
});
