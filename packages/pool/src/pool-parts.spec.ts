import { Columns, InputError, platformNamed, spanOf, x86Geometry } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import {
  adaptiveConversion,
  blockConversion,
  demand,
  firstFit,
  freshBoot,
  granuleConversion,
  hysteresis,
  immediate,
  Pool,
  poolPolicy,
  reserve,
} from './index.ts';

const memory = freshBoot(64 * 2 ** 20);
const machine = { geometry: x86Geometry(spanOf(memory)), platform: platformNamed('snp') };
const view = new Columns(machine, memory.directMap).view();

/** As from a file that no compiler has seen. */
const madeOf = (...parts: unknown[]) => {
  const [placement, conversion, supply] = parts as Parameters<typeof poolPolicy>;
  return poolPolicy(placement, conversion, supply)(view);
};

describe('parts with parameters', () => {
  it.each([
    [() => poolPolicy(firstFit, blockConversion, hysteresis(2)), 'first-fit+block+hysteresis:2'],
    [() => poolPolicy(firstFit, blockConversion, hysteresis('0.5')), 'first-fit+block+hysteresis:0.5'],
    [() => poolPolicy(firstFit, granuleConversion(16), demand(5)), 'first-fit+granule:16+demand:5'],
    [() => poolPolicy(firstFit, adaptiveConversion(25), immediate), 'first-fit+adaptive:25+immediate'],
    [
      () => poolPolicy(firstFit, blockConversion, reserve(32, 64)(immediate)),
      'first-fit+block+reserve:32:64+immediate',
    ],
  ])('%#', (policy, name) => {
    expect(policy()(view).name).toBe(name);
  });

  it('are refused if they make no sense', () => {
    expect(() => hysteresis(-1)).toThrow("supply 'hysteresis:-1': expected hysteresis:SECONDS");
    expect(() => granuleConversion(5)).toThrow(InputError);
  });
});

describe('what is no part is told in a sentence', () => {
  const place = () => -1;
  it.each([
    [[() => ({ place }), blockConversion, immediate], 'the placement has no name'],
    [[() => ({ name: '', place }), blockConversion, immediate], 'the placement has no name'],
    [[() => ({ name: 'mine' }), blockConversion, immediate], "the placement 'mine' has no place()"],
    [[{ name: 'mine', place }, blockConversion, immediate], 'the placement is object; expected a function'],
    [[() => undefined, blockConversion, immediate], 'the placement is undefined; expected { name, place() }'],
    [[firstFit, granuleConversion, immediate], 'as in granuleConversion(64)'],
    [[firstFit, undefined, immediate], 'the conversion is undefined'],
    [[firstFit, blockConversion, hysteresis], 'call it with its parameters, as in hysteresis(2)'],
    [[firstFit, blockConversion, () => ({ name: 'mine' })], "the supply 'mine' has no returnsAt()"],
    [[firstFit, blockConversion], 'the supply is undefined; expected a function, such as immediate'],
  ])('%#', (parts, message) => {
    expect(() => madeOf(...parts)).toThrow(InputError);
    expect(() => madeOf(...parts)).toThrow(message);
  });
});

describe('a placement that leaves free pages unused and has no usablePages()', () => {
  /** Gives nothing in blocks of which pages are in use. */
  const picky = poolPolicy(
    (map) => ({
      name: 'picky',
      place(pages, align, { firstBlock, endBlock }) {
        for (let block = firstBlock; block < endBlock; block++) {
          const found = map.extents[block] === 0 ? map.findInBlock(block, pages, align) : -1;
          if (found !== -1) return found;
        }
        return -1;
      },
    }),
    blockConversion,
    immediate,
  );
  it('is told so when a vmalloc area finds no place', () => {
    const pool = new Pool({ memory, platform: platformNamed('snp'), policy: picky });
    pool.alloc_pages(0, { owner: 'first' });
    expect(() => pool.vmalloc(200, { owner: 'second' })).toThrow(
      "placement 'picky': place(1, 1) found nothing, but the free pages at",
    );
    expect(() => pool.vmalloc(200, { owner: 'second' })).toThrow('must have usablePages()');
  });
});
