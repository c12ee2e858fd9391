import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { brokenAnchors, withCodeAsItIs, withoutLinksToSources } from './markdown.ts';
import { sidebarOf } from './sidebar.ts';

const docs = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  title: 'decpool',
  description: 'A prototype of a kernel pool of decrypted memory, to find the policy that should be built',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcExclude: ['**/*.template.md'],
  rewrites: { 'README.md': 'index.md' },
  themeConfig: {
    // Made of the docstrings beside the site, with pages of its own.
    nav: [{ text: 'API', link: '/api/index.html', target: '_self' }],
    sidebar: sidebarOf(docs),
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: false, next: false },
  },
  markdown: {
    config(markdown) {
      withoutLinksToSources(markdown, docs);
      withCodeAsItIs(markdown);
    },
  },
  buildEnd({ outDir }) {
    // Pages link to the schemas as files.
    cpSync(join(docs, 'schemas'), join(outDir, 'schemas'), { recursive: true });
    const broken = brokenAnchors(outDir);
    if (broken.length > 0) throw new Error(`links to places that no page has:\n${broken.join('\n')}`);
  },
});
