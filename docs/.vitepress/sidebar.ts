import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DefaultTheme } from 'vitepress';

/** The pages in the order of docs/README.md: a group per heading of it, with every page that is linked under it, once. */
export function sidebarOf(docs: string): DefaultTheme.SidebarItem[] {
  const read = (page: string) => readFileSync(join(docs, page), 'utf8');
  const seen = new Set<string>();
  const [, ...sections] = read('README.md').split(/^## /m);
  return sections.map((section) => {
    const pages = [...section.matchAll(/\]\(([\w/.-]+\.md)/g)].map(([, page = '']) => page);
    return {
      text: section.slice(0, section.indexOf('\n')),
      items: pages
        .filter((page) => !seen.has(page) && seen.add(page))
        .map((page) => ({ text: titleOf(read(page)), link: `/${page.replace(/\.md$/, '')}` })),
    };
  });
}

const titleOf = (text: string): string => (/^# (.+)$/m.exec(text)?.[1] ?? '').replaceAll('`', '');
