/** The script of the page. It is bundled when a report is made: there is no build step. */
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

/** Escapes the strings that would end a script element or begin a comment in it; the script means the same. */
export const inScriptElement = (script: string): string =>
  script.replace(/<\/(script)/gi, '<\\/$1').replaceAll('<!--', '<\\!--');
