/** What the package `decpool` has of the checkout. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../packages/bench/src/bundle/bundle.ts';
import { copyShipped, danglingLinks, shippedPaths, withLinksToShipped } from './shipped.ts';

describe('a link of a document', () => {
  const SHIPPED = ['docs/traces.md', 'docs/reference/log.md', 'examples/traces/README.md'];
  const shipped = (text: string) => withLinksToShipped(text, 'docs/reference/log.md', SHIPPED);

  it('to what is shipped, a place or a page of the web stays', () => {
    const text =
      '[a](../traces.md#pages) [b](../../examples/traces) [c](#here) [d](https://www.kernel.org/doc/) [e](log.md)\n';
    expect(shipped(text)).toBe(text);
  });

  it('to a source becomes its text and the path', () => {
    expect(shipped('see [the schema](../../packages/model/src/schema.ts#L3).')).toBe(
      'see the schema (`packages/model/src/schema.ts`).',
    );
    expect(shipped('see [CONTRIBUTING.md](../../CONTRIBUTING.md).')).toBe('see `CONTRIBUTING.md`.');
  });

  it('begins at its own bracket', () => {
    expect(shipped('blocks `[first, end)`, see [the schema](../../packages/model/schema.ts)')).toBe(
      'blocks `[first, end)`, see the schema (`packages/model/schema.ts`)',
    );
  });

  it('in code is none', () => {
    const text = '```\n[a](missing.md)\n```\n';
    expect(shipped(text)).toBe(text);
    expect(danglingLinks(text, 'docs/a.md', SHIPPED)).toEqual([]);
  });
});

describe('what is shipped', () => {
  let to = '';
  beforeAll(() => {
    to = mkdtempSync(join(tmpdir(), 'decpool-shipped-'));
    copyShipped(ROOT, to);
  });
  afterAll(() => rmSync(to, { recursive: true }));

  it('has no link that leads nowhere', () => {
    const paths = shippedPaths(ROOT);
    const documents = paths.filter((path) => path.endsWith('.md'));
    expect(documents.length).toBeGreaterThan(30);
    const links = documents.flatMap((path) =>
      danglingLinks(readFileSync(join(to, path), 'utf8'), path, paths),
    );
    expect(links).toEqual([]);
    // Those of the checkout are others.
    const cut = documents.flatMap((path) =>
      danglingLinks(readFileSync(join(ROOT, path), 'utf8'), path, paths),
    );
    expect(cut.length).toBeGreaterThan(0);
  });

  it('has no spec, no picture and no test of the tools', () => {
    expect(shippedPaths(ROOT).filter((path) => /\.spec\.|\.svg$|\.png$|\/test\//.test(path))).toEqual([]);
  });
});
