/** What the package `decpool` has beside its code: files of docs, examples and tools, under the same paths as in the checkout. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const IS_SHIPPED: readonly RegExp[] = [
  /^docs\/.*(?:\.md|\.schema\.json)$/,
  // What compare reads without options, the memory states that have names, and what help and messages name.
  /^examples\/(?:sweeps|traces)\//,
  /^examples\/[^/]+(?<!\.spec)\.ts$/,
  // To carry to a guest, and to build there.
  /^tools\/(?!record\/test\/)/,
];

/** Paths from the root, in order. Files that git ignores are none of the project. */
export function shippedPaths(root: string): string[] {
  const files = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', 'docs', 'examples', 'tools'],
    { cwd: root, encoding: 'utf8' },
  );
  return files
    .split('\0')
    .filter((path) => IS_SHIPPED.some((pattern) => pattern.test(path)) && existsSync(join(root, path)))
    .sort();
}

export function copyShipped(root: string, to: string): void {
  const paths = shippedPaths(root);
  for (const path of paths) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    if (path.endsWith('.md')) {
      const text = readFileSync(join(root, path), 'utf8');
      writeFileSync(join(to, path), withLinksToShipped(text, path, paths));
    } else cpSync(join(root, path), join(to, path));
  }
}

const CODE = /^```[\s\S]*?^```$/gm;
const LINK = /\[([^[\]]*)\]\(([^)\s]+)\)/g;

/** The text of a document, in which a link to what is not shipped is its text and the path in the sources. */
export function withLinksToShipped(text: string, path: string, shipped: readonly string[]): string {
  const withLinks = (prose: string) =>
    prose.replaceAll(LINK, (link, label: string, target: string) => {
      const file = targetOf(path, target);
      if (file === undefined || isThere(file, shipped)) return link;
      return file.endsWith(label.replaceAll('`', '')) ? `\`${file}\`` : `${label} (\`${file}\`)`;
    });
  const code = text.match(CODE) ?? [];
  return text
    .split(CODE)
    .map((prose, index) => withLinks(prose) + (code[index] ?? ''))
    .join('');
}

/** Links of a shipped document that lead to no shipped file: `file: target`. */
export const danglingLinks = (text: string, path: string, shipped: readonly string[]): string[] =>
  [...text.replaceAll(CODE, '').matchAll(LINK)]
    .map(([, , target = '']) => target)
    .filter((target) => {
      const file = targetOf(path, target);
      return file !== undefined && !isThere(file, shipped);
    })
    .map((target) => `${path}: ${target}`);

/** The file or folder that a relative link of a document leads to, from the root; undefined of others. */
function targetOf(path: string, target: string): string | undefined {
  const file = target.replace(/#.*$/, '');
  return file === '' || /^[a-z]+:/.test(file)
    ? undefined
    : normalize(join(dirname(path), file)).replace(/\/$/, '');
}

const isThere = (file: string, shipped: readonly string[]): boolean =>
  shipped.includes(file) || shipped.some((path) => path.startsWith(`${file}/`));
