/** The script of the page. A bundle of decpool has it ready; from the sources it is made for each report. */
import { readFileSync } from 'node:fs';
import { resourceUrl } from '../../files/resource.ts';

declare const DECPOOL_IS_BUNDLED: boolean | undefined;

export async function clientScript(): Promise<string> {
  // Said here, not by another module: so the bundler sees that the rest is never reached, and leaves esbuild out.
  if (typeof DECPOOL_IS_BUNDLED !== 'undefined') return readFileSync(resourceUrl('page-client.js'), 'utf8');
  const { buildClientScript } = await import('./build-client.ts');
  return (await buildClientScript()).script;
}
