import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { MarkdownRenderer } from 'vitepress';

/**
 * A link to a source file of the project has no page in the site: only its text stays. VitePress fails the build for a link to a
 * page that does not exist; this does for a link to a file.
 */
export function withoutLinksToSources(markdown: MarkdownRenderer, docs: string): void {
  markdown.core.ruler.push('links-to-sources', ({ tokens, env }) => {
    const page: string = env.realPath ?? env.path;
    for (const token of tokens) {
      let isDropped = false;
      token.children =
        token.children?.filter((child) => {
          if (child.type === 'link_open') {
            const href = child.attrGet('href') ?? '';
            const file = resolve(dirname(page), href.replace(/#.*/, ''));
            const isFile = !/^([a-z]+:|#|$)/.test(href);
            if (isFile && !existsSync(file))
              throw new Error(`${page} links to ${href}, which does not exist`);
            isDropped = isFile && !file.startsWith(docs);
            return !isDropped;
          }
          if (child.type !== 'link_close' || !isDropped) return true;
          isDropped = false;
          return false;
        }) ?? null;
    }
  });
}

/** Double braces in code are no expressions of the site's templates. */
export function withCodeAsItIs(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('code-as-it-is', ({ tokens }) => {
    for (const { children } of tokens) {
      for (const child of children ?? []) if (child.type === 'code_inline') child.attrSet('v-pre', '');
    }
  });
}

/** Links in the built pages to a place that the other page does not have: `page.html: other.html#place`. */
export function brokenAnchors(outDir: string): string[] {
  const pages = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.html'),
  );
  const texts = new Map(pages.map((page) => [page, readFileSync(join(outDir, page), 'utf8')]));
  return pages.flatMap((page) =>
    [...(texts.get(page) ?? '').matchAll(/href="([^"#:]*)#([^"]+)"/g)].flatMap(
      ([, path = '', place = '']) => {
        const target =
          path === '' ? page : resolve('/', path.startsWith('/') ? '' : dirname(page), `./${path}`).slice(1);
        const isThere = texts.get(target)?.includes(`id="${decodeURIComponent(place)}"`) ?? false;
        return isThere ? [] : [`${page}: ${path}#${place}`];
      },
    ),
  );
}
