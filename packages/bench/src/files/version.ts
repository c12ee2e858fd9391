import { readFileSync } from 'node:fs';

declare const DECPOOL_VERSION: string | undefined;

/** Of this package. */
export const VERSION: string = typeof DECPOOL_VERSION === 'undefined' ? readVersion() : DECPOOL_VERSION;

function readVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return version;
}
