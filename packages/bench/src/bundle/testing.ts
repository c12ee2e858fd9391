/** Makes the bundle before all specs, so that none of the many that start the command waits for it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));

export function setup(): void {
  execFileSync(process.execPath, [DECPOOL, '--version'], { stdio: ['ignore', 'ignore', 'inherit'] });
}
