import { existsSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { openable } from './openable.ts';
import { shippedPath } from './resource.ts';

afterEach(() => void vi.restoreAllMocks());
const from = (folder: string) => vi.spyOn(process, 'cwd').mockReturnValue(folder);

it('names a document by its path from the working directory', () => {
  from(shippedPath('packages'));
  const text = openable('docs/cli.md; see examples/sweeps/ablation.json.');
  expect(text).toBe(`${shippedPath('docs/cli.md')}; see ${shippedPath('examples/sweeps/ablation.json')}.`);
  from(shippedPath('..'));
  expect(existsSync(`${shippedPath('..')}/${openable('docs/cli.md')}`)).toBe(true);
});

it('keeps patterns behind the path of their folder', () => {
  from(shippedPath('packages'));
  expect(openable('validate examples/traces/exact/*/*')).toBe(
    `validate ${shippedPath('examples/traces/exact/*/*')}`,
  );
});

it('leaves what the package does not have, what stands in quotes, and paths that end like one', () => {
  from(shippedPath('packages'));
  for (const text of ['docs/mine.txt', '"docs/cli.md"', '/srv/docs/cli.md', 'my-docs/cli.md']) {
    expect(openable(text)).toBe(text);
  }
});
