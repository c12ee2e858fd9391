/** docs/reference/api.md lists what the packages export, by the groups of their entries. `UPDATE_DOCS=1` writes its tables anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(root, 'docs/reference/api.md');
const TABLES = /<!-- exports of: (\w+) -->\n(?:\|.*\n)*/g;

const entryOf = (name: string): string => readFileSync(join(root, 'packages', name, 'src/index.ts'), 'utf8');

/** The comment above a group of exports, then the exports. */
const groupsOf = (entry: string): [title: string, text: string][] =>
  entry
    .split(/^\/\/ /m)
    .slice(1)
    .map((group) => [group.slice(0, group.indexOf('\n')).replace(/\.$/, ''), group]);

function namesIn(text: string): { values: string[]; types: string[] } {
  const values: string[] = [];
  const types: string[] = [];
  for (const [, type, list = ''] of text.matchAll(/^export (type )?\{([^}]*)\} from/gm)) {
    for (const name of list.split(',').map((item) => item.trim())) {
      if (name === '') continue;
      if (type !== undefined || name.startsWith('type ')) types.push(name.replace(/^type /, ''));
      else values.push(name);
    }
  }
  return { values, types };
}

function table(name: string): string {
  const cell = (names: readonly string[]) => names.map((each) => `\`${each}\``).join(', ');
  const rows = groupsOf(entryOf(name)).map(([title, text]) => {
    const { values, types } = namesIn(text);
    return `| ${title} | ${cell(values)} | ${cell(types)} |\n`;
  });
  return `| | functions, classes, constants | types |\n|---|---|---|\n${rows.join('')}`;
}

it('docs/reference/api.md has every export', () => {
  const page = readFileSync(PAGE, 'utf8');
  const written = page.replace(TABLES, (_, name: string) => `<!-- exports of: ${name} -->\n${table(name)}`);
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(PAGE, written);
  else expect(written).toBe(page);
});

it.each(['model', 'pool', 'bench'])(
  'the tables of %s have each name that the package exports',
  async (name) => {
    const { values } = namesIn(
      groupsOf(entryOf(name))
        .flatMap(([, text]) => text)
        .join('\n'),
    );
    const exported: object = await import(`../packages/${name}/src/index.ts`);
    expect(values.sort()).toEqual(Object.keys(exported).sort());
  },
);
