/** What an editor knows of a user's own policy where only the command is installed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Their types come from packages that the command has in its bundle. If those are not found they are any, which has every property. */
const NOT_ANY = [
  'platform',
  'platform.hostCalls',
  'memory',
  'memory.zones[0]',
  'results',
  'results.input',
  'pool.events$',
  'map',
  'policySpec',
];

const PROBE = `import type { MemoryState, Platform, PoolEvent, State } from '@decpool/model';
import type { Results } from '@decpool/bench';
import { policySpec } from '@decpool/pool/given-when-then';
import type { FreeMap } from '@decpool/pool/placement/free-map';
import type { Pool } from '@decpool/pool';

declare const platform: Platform;
declare const memory: MemoryState;
declare const results: Results;
declare const pool: Pool;
declare const map: FreeMap;

${NOT_ANY.map((value) => `// @ts-expect-error\n${value}.noSuchProperty;`).join('\n')}
pool.events$.subscribe((event) => {
  const known: PoolEvent = event;
  // @ts-expect-error
  known.noSuchProperty;
  // @ts-expect-error
  event.noSuchProperty;
});
pool.state$.subscribe((state) => {
  const known: State = state;
  // @ts-expect-error
  state.noSuchProperty;
});
export const granule: 1 | 4 | 16 = platform.granulePages;
`;

/**
 * A folder in which `decpool init-policy` was run. Throws, with the compiler's messages, if a type is missing or any, or if its
 * policy has an error under the strictest settings.
 */
export function checkEditor(at: string): void {
  writeFileSync(join(at, 'probe.ts'), PROBE);
  const strictest = { skipLibCheck: false, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  writeFileSync(
    join(at, 'tsconfig.probe.json'),
    JSON.stringify({ extends: './tsconfig.json', compilerOptions: strictest }),
  );
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.probe.json'], { cwd: at, encoding: 'utf8' });
  } catch (error) {
    throw new Error(`types for an editor, in ${at}:\n${(error as { stdout?: string }).stdout}`);
  }
}
