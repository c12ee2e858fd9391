import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Sha256 } from './sha256.ts';

const PIECES = [new Uint8Array(0), Uint8Array.from({ length: 200 }, (_, index) => index), Uint8Array.of(1)];

function hexOf(pieces: readonly Uint8Array[]): string {
  const hash = new Sha256();
  for (const piece of pieces) hash.add(piece);
  return hash.hex();
}

describe('SHA-256 of bytes in pieces', () => {
  afterEach(() => vi.unstubAllGlobals());
  const expected = createHash('sha256').update(Buffer.concat(PIECES)).digest('hex');

  it('is that of all of them', () => {
    expect(hexOf(PIECES)).toBe(expected);
  });

  it('is the same where there is no Node, as in a browser', () => {
    const getBuiltinModule = vi.fn();
    vi.stubGlobal('process', { getBuiltinModule });
    expect(hexOf(PIECES)).toBe(expected);
    expect(getBuiltinModule).toHaveBeenCalledWith('node:crypto');
    vi.stubGlobal('process', undefined);
    expect(hexOf(PIECES)).toBe(expected);
  });
});
