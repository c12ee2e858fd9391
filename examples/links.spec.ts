/** Links between documents lead somewhere, and so do the documents that help pages, messages and comments name. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const filesOf = (...patterns: string[]): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  })
    .trimEnd()
    .split('\n')
    .filter((file) => existsSync(join(root, file)));

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '');

/** The place that a heading makes, as GitHub and the site name it. */
const placeOf = (heading: string) =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
    .replaceAll(' ', '-');

const placesOf = (file: string) =>
  [...withoutCode(read(file)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => placeOf(heading));

it('every link of a Markdown file leads to a file, and to a heading of it', () => {
  const broken = filesOf('*.md').flatMap((file) =>
    [...withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [path, place] = link.split('#');
      const target = path === '' ? file : normalize(join(dirname(file), path));
      const isThere =
        existsSync(join(root, target)) &&
        (place === undefined || !target.endsWith('.md') || placesOf(target).includes(place));
      return isThere ? [] : [`${file}: ${link}`];
    }),
  );
  expect(broken).toEqual([]);
});

it('every document that the sources name is there', () => {
  // `decpool findings` writes it.
  const written = new Set(['docs/findings-scenarios.md']);
  const missing = filesOf('packages/*.ts', 'examples/*.ts').flatMap((file) =>
    [...read(file).matchAll(/\bdocs\/[\w/.-]+\.md/g)]
      .map(([document]) => document)
      .filter((document) => !written.has(document) && !existsSync(join(root, document)))
      .map((document) => `${file}: ${document}`),
  );
  expect(missing).toEqual([]);
});
