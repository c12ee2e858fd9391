/** Files compressed with gzip, xz or zstd, known by their first bytes. A decoder is loaded when a file needs it. */
import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';

type Bytes = AsyncIterable<Uint8Array>;

/** Reading or decoding failed because of the content. */
export class DamagedFile extends Error {}

interface Compression {
  readonly name: string;
  readonly magic: readonly number[];
  decode(bytes: Bytes): Bytes | Promise<Bytes>;
}

const COMPRESSIONS: readonly Compression[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], decode: (bytes) => through(bytes, zlib.createGunzip()) },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], decode: unxz },
  {
    name: 'zstd',
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    // Node.js has it since 22.15.
    decode: (bytes) => {
      const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
      return createZstdDecompress === undefined ? unzstd(bytes) : through(bytes, createZstdDecompress());
    },
  },
];
/** A trace shrinks ten to thirty times. A file that grows more than this, past the first bytes, is meant to do harm. */
const MAX_GROWTH = 250;
const FREE_BYTES = 2 ** 22;
const LONGEST_MAGIC = Math.max(...COMPRESSIONS.map(({ magic }) => magic.length));

/** The plain bytes of a file that may be compressed. Throws DamagedFile, and what reading `bytes` throws. */
export async function* decompressed(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const { head, all } = await withHead(bytes);
  const compression = COMPRESSIONS.find(({ magic }) => magic.every((byte, at) => head[at] === byte));
  if (compression === undefined) {
    yield* all;
    return;
  }
  let readError: unknown;
  let [packed, unpacked] = [0, 0];
  const watched = (async function* () {
    try {
      for await (const chunk of all) {
        packed += chunk.length;
        yield chunk;
      }
    } catch (error) {
      readError = error;
      throw error;
    }
  })();
  const plain = await compression.decode(watched);
  try {
    for await (const chunk of plain) {
      unpacked += chunk.length;
      if (unpacked > FREE_BYTES + MAX_GROWTH * packed) {
        throw new DamagedFile(
          `this ${compression.name} file grows more than ${MAX_GROWTH} times; if you trust it, unpack it: ${compression.name} -dc FILE | decpool ... -`,
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (readError !== undefined) throw readError;
    if (error instanceof DamagedFile) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DamagedFile(`the ${compression.name} file is damaged or cut off (${reason})`);
  }
}

/** The first bytes, and all of them. */
async function withHead(bytes: Bytes): Promise<{ readonly head: Uint8Array; readonly all: Bytes }> {
  const iterator = bytes[Symbol.asyncIterator]();
  let head: Uint8Array = Buffer.alloc(0);
  while (head.length < LONGEST_MAGIC) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const rest: Bytes = { [Symbol.asyncIterator]: () => iterator };
  return {
    head,
    all: (async function* () {
      if (head.length > 0) yield head;
      yield* rest;
    })(),
  };
}

// pipeline() rather than pipe(): it passes an error of the file on to the reader of the text.
const through = (bytes: Bytes, decoder: Transform): Bytes =>
  pipeline(Readable.from(bytes), decoder, () => {}) as unknown as Bytes;

async function* unzstd(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  let plain: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => void plain.push(chunk));
  for await (const chunk of bytes) {
    decoder.push(chunk);
    yield* plain;
    plain = [];
  }
  decoder.push(new Uint8Array(0), true);
  yield* plain;
}

async function unxz(bytes: Bytes): Promise<Bytes> {
  // A CommonJS package: Node.js has its exports in `default`, which its types do not say; others beside it.
  const loaded: typeof import('xz-decompress') & { readonly default?: typeof import('xz-decompress') } =
    await import('xz-decompress');
  const { XzReadableStream } = loaded.default ?? loaded;
  const compressed = Readable.toWeb(Readable.from(bytes)) as ReadableStream<Uint8Array>;
  return new XzReadableStream(compressed) as unknown as Bytes;
}
