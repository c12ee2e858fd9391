/** Files that are damaged or meant to do harm: an error of one line or a count, bounded memory, and never a wrong request. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importTrace } from './import.ts';
import { parseSharedExpression } from './shared-expression.ts';
import { accountedLines } from './testing.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const importing = (content: string | Buffer, expression?: string) => {
  const path = join(folder, 'trace');
  writeFileSync(path, content);
  return importTrace(path, {
    shared: expression === undefined ? undefined : parseSharedExpression(expression),
  });
};
const refusal = async (trace: Promise<unknown>) => {
  const error = await trace.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message.split('\n')).toHaveLength(1);
  return message.replaceAll(`${folder}/`, '');
};

/** Whether a compressor is installed. */
const has = (tool: string): boolean => {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const packedBy = (tool: string, text: string | Buffer): Buffer =>
  execFileSync(tool, ['-c'], { input: text, maxBuffer: 2 ** 30, stdio: ['pipe', 'pipe', 'ignore'] });

const PAGE = (time: string, pfn: string) =>
  ` dd-166 [000] ..... ${time}: mm_page_alloc: page=1 pfn=${pfn} order=0 migratetype=0 gfp_flags=GFP_KERNEL`;

describe.each(['gzip', 'xz', 'zstd'])('a file of %s', (tool) => {
  const packed = (text: string | Buffer) => (tool === 'gzip' ? gzipSync(text) : packedBy(tool, text));

  it.skipIf(!has(tool))('may have several members, one behind the other', async () => {
    const bytes = Buffer.concat([packed('a 1 0\na 2'), packed(' 3\n'), packed('f 1 0\n')]);
    const { sanity } = await importing(bytes);
    expect(sanity).toMatchObject({ linesRead: 3, requests: 2, frees: 1, unparsed: { count: 0 } });
  });

  it.skipIf(!has(tool))(
    'is refused if it is cut off in any member, or has something else behind them',
    async () => {
      const first = packed('a 1 0\n'.repeat(1000));
      const second = packed('f 1 0\n'.repeat(1000));
      for (const bytes of [
        first.subarray(0, first.length - 9),
        Buffer.concat([first, second.subarray(0, second.length - 9)]),
        Buffer.concat([first, Buffer.from('garbage behind it')]),
      ]) {
        expect(await refusal(importing(bytes))).toMatch(
          new RegExp(`^trace: the ${tool} file is damaged or cut off \\(`),
        );
      }
    },
  );

  it.skipIf(!has(tool))(
    'is refused if it grows out of all proportion, before its text fills memory',
    async () => {
      const comment = '# a comment that says nothing at all, over and over again\n';
      const bomb = packed(`a 1 0\n${comment.repeat(700_000)}`);
      expect(bomb.length).toBeLessThan(2 ** 18);
      expect(await refusal(importing(bomb))).toMatch(
        new RegExp(
          `^trace: this ${tool} file grows more than 250 times; if you trust it, unpack it: ${tool} -dc FILE \\|`,
        ),
      );
    },
  );
});

describe('a text', () => {
  it('of another encoding is refused with what makes UTF-8 of it; a byte order mark is none of its text', async () => {
    const text = 'a 1 0\nf 1 0\n';
    const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le');
    expect(await refusal(importing(utf16))).toBe(
      'trace: this is UTF-16 text; make UTF-8 of it with iconv -f UTF-16 -t UTF-8',
    );
    expect((await importing(`\uFEFF${text}`)).sanity).toMatchObject({ requests: 1, unparsed: { count: 0 } });
  });

  it('may have bytes that are no UTF-8, in a task name as well', async () => {
    const bytes = Buffer.concat([
      Buffer.from([0x20, 0xff, 0xfe]),
      Buffer.from(PAGE('1.000000', '0x10').slice(1)),
    ]);
    const { sanity, workload } = await importing(bytes, 'order=0');
    expect(sanity).toMatchObject({ requests: 1, unparsed: { count: 0 } });
    expect(workload.requests).toMatchObject([{ owner: '\uFFFD\uFFFDdd' }]);
  });

  it('may have NUL bytes, as a crash leaves them: they are lines that are not understood', async () => {
    const hole = `${'\0'.repeat(5000)}\n`;
    const { sanity } = await importing(`a 1 0\n${hole}f 1 0\na 2 0\n`);
    expect(sanity).toMatchObject({ requests: 2, frees: 1, unparsed: { count: 1, first: [{ line: 2 }] } });
  });

  it('is refused at a line of 100 MB, whose number is named', async () => {
    const long = Buffer.concat([Buffer.from('a 1 0\n'), Buffer.alloc(100_000_000, 'a 1 0 ')]);
    expect(await refusal(importing(long))).toBe(
      'trace:2: a line of more than 1 MiB: this is not a text file',
    );
    expect(await refusal(importing(gzipSync(long)))).toContain('trace:2: ');
  });
});

describe('times and addresses', () => {
  it('that go back are moved to the time before, and a note counts them', async () => {
    const lines = [PAGE('5.000000', '0x10'), PAGE('3.000000', '0x11'), PAGE('5.000001', '0x12')];
    const { workload } = await importing(lines.join('\n'), 'order=0');
    expect(workload.requests.map(({ time }) => time)).toEqual([0, 0, 1000]);
    expect(workload.notes.join()).toContain('1 requests were moved to the time of the request before');
  });

  it.each(['0x10000000000', '18446744073709551615', '0xffffffffffffffffffff', '-1', '0x', '1e9'])(
    'a pfn %s is a malformed line',
    async (pfn) => {
      const lines = [PAGE('5.000000', '0x10'), PAGE('5.000001', pfn), PAGE('5.000002', '0xffffffffff')];
      const { sanity } = await importing(lines.join('\n'), 'order=0');
      expect(sanity).toMatchObject({ requests: 2, unparsed: { count: 1, first: [{ line: 2 }] } });
      expect(accountedLines(sanity)).toBe(3);
    },
  );
});
