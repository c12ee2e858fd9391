/** Makes the script of the page from its sources in `client/`. */
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

interface ClientScript {
  readonly script: string;
  /** What it was made from. */
  readonly inputs: Metafile['inputs'];
}

export async function buildClientScript(): Promise<ClientScript> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('client/main.ts', import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  return { script: inScriptElement(outputFiles[0].text), inputs: metafile.inputs };
}

/** Escapes the strings that would end a script element or begin a comment in it; the script means the same. */
export const inScriptElement = (script: string): string =>
  script.replace(/<\/(script)/gi, '<\\/$1').replaceAll('<!--', '<\\!--');
