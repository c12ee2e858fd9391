/** The script of the page. A bundle of decpool has it ready; from the sources it is made for each report. */
import { readFileSync } from 'node:fs';
import { resourceUrl } from '../../files/resource.ts';

declare const DECPOOL_IS_BUNDLED: boolean | undefined;

/** Said here, not by another module: so the bundler sees what is never reached, and leaves esbuild out. */
export const clientScript = async (): Promise<string> =>
  typeof DECPOOL_IS_BUNDLED === 'undefined'
    ? (await (await import('./build-client.ts')).buildClientScript()).script
    : readFileSync(resourceUrl('page-client.js'), 'utf8');
