import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DamagedFile, decompressed } from './decompressed.ts';

async function* chunksOf(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function plainOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of decompressed(bytes)) parts.push(Uint8Array.from(part));
  return Buffer.concat(parts);
}

it('bytes that are not compressed stay as they are, however they come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(1, 2, 7, 100), async (bytes, size) => {
      const magic = [0x1f, 0xfd, 0x28];
      fc.pre(!magic.includes(bytes[0]));
      expect(await plainOf(chunksOf(bytes, size))).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 60 },
  );
});

it('a file of no bytes has no parts', async () => {
  for (const empty of [chunksOf(Buffer.alloc(0), 1), decompressed(chunksOf(gzipSync(''), 100))])
    for await (const part of decompressed(empty)) expect.unreachable(String(part));
});

it('the first bytes tell what a file is compressed with, all of them', async () => {
  for (const magic of [
    [0x1f, 0x8b],
    [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    [0x28, 0xb5, 0x2f, 0xfd],
  ]) {
    for (let at = 0; at < magic.length; at++) {
      const other = Buffer.from([...magic, 1, 2, 3]);
      other[at] ^= 1;
      expect(await plainOf(chunksOf(other, 3))).toEqual(other);
      const short = Buffer.from(magic.slice(0, at));
      expect(await plainOf(chunksOf(short, 3))).toEqual(short);
    }
  }
});

it('gzip is unpacked, however its bytes come', async () => {
  const bytes = Buffer.from('some text '.repeat(1000));
  for (const size of [1, 5, 6, 7, 10_000])
    expect(await plainOf(chunksOf(gzipSync(bytes), size))).toEqual(bytes);
});

it('xz and zstd are unpacked, too', async () => {
  // printf 'text\\n' | xz, and the same | zstd
  const xz = '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAEdGV4dAoAAAAAHSvSiq8ZTM0AAR0FuC2Arx+2830BAAAAAARZWg==';
  const zstd = 'KLUv/QRYKQAAdGV4dAosUaG/';
  for (const [name, packed] of [
    ['xz', xz],
    ['zstd', zstd],
  ]) {
    const bytes = Buffer.from(packed, 'base64');
    for (const size of [1, 1000]) expect(String(await plainOf(chunksOf(bytes, size)))).toBe('text\n');
    await expect(plainOf(chunksOf(bytes.subarray(0, bytes.length - 8), 5))).rejects.toThrow(
      new RegExp(`^the ${name} file is damaged or cut off `),
    );
  }
});

describe('a file that is damaged', () => {
  it('is told, with what it is compressed with', async () => {
    const cut = gzipSync('some text').subarray(0, 18);
    await expect(plainOf(chunksOf(cut, 4))).rejects.toThrow(
      /^the gzip file is damaged or cut off \(unexpected end of file\)$/,
    );
    await expect(plainOf(chunksOf(cut, 4))).rejects.toBeInstanceOf(DamagedFile);
  });

  it('is told apart from one that cannot be read', async () => {
    const error = new Error('EIO: i/o error');
    const failing = async function* () {
      yield gzipSync('some text').subarray(0, 18);
      throw error;
    };
    await expect(plainOf(failing())).rejects.toBe(error);
  });
});

it('a file may grow by 4 MiB and 250 times, and no more', async () => {
  const zeros = (bytes: number) => gzipSync(Buffer.alloc(bytes));
  const mostOf = (packed: Uint8Array) => 2 ** 22 + 250 * packed.length;
  // As zeros are packed to a thousandth, this comes to a file that is just as large as it may be.
  let [most, packed] = [0, zeros(0)];
  for (let tries = 0; mostOf(packed) !== most && tries < 100; tries++) {
    most = mostOf(packed);
    packed = zeros(most);
  }
  expect(mostOf(packed)).toBe(most);
  expect(await plainOf(chunksOf(packed, 2 ** 16))).toHaveLength(most);
  let [size, more] = [most + 1, zeros(most + 1)];
  while (size <= mostOf(more)) more = zeros(++size);
  await expect(plainOf(chunksOf(more, 2 ** 16))).rejects.toThrow(
    new DamagedFile(
      'this gzip file grows more than 250 times; if you trust it, unpack it: gzip -dc FILE | decpool ... -',
    ),
  );
});
