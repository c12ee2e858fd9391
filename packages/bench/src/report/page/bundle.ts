/** The page's script, bundled when a report is made: nothing is built beforehand. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function clientScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('client/main.ts', import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  return inScriptElement(outputFiles[0].text);
}

/** What would end a script element, or begin a comment in one, is written so that it means the same and does not. */
export const inScriptElement = (script: string): string =>
  script.replace(/<\/(script)/gi, '<\\/$1').replaceAll('<!--', '<\\!--');
