/** Policy files that hang, fill the memory, or break what the rest of the program needs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decpool, lost } from './command.ts';
import type { Fault, Try } from './fault.ts';
import { compareWords, type World } from './world.ts';

/** A policy that serves as a sound one does, but at its third allocation runs `trick` first. */
const policy = (trick: string, factory = 'export default (view) =>') => `
import { policyNamed } from '@decpool/pool';

${factory} {
  const sound = policyNamed('first-fit+page+immediate')(view);
  let allocations = 0;
  return {
    name: 'mine',
    allocate(request, at, record) {
      if (++allocations === 3) { ${trick} }
      return sound.allocate(request, at, record);
    },
    free: (request, at, record) => sound.free(request, at, record),
  };
}
`;

const KINDS: readonly (readonly [name: string, file: string, text: string])[] = [
  ['never returns', 'hangs', policy('for (;;) {}')],
  ['eats memory', 'eats', policy('const all = []; for (;;) all.push(new Array(1000).fill(allocations));')],
  [
    'eats memory outside the heap',
    'buffers',
    policy('const all = []; for (;;) all.push(Buffer.alloc(2 ** 26, 1));'),
  ],
  ['calls itself without end', 'recurses', policy('const f = () => f() + 1; f();')],
  ['changes a prototype', 'prototype', policy('Array.prototype.map = () => [];')],
  ['changes JSON and Math', 'globals', policy('JSON.stringify = () => "{}"; Math.floor = () => 7;')],
  ['is asynchronous', 'async', policy('return Promise.resolve();')],
  ['has an asynchronous factory', 'factory', policy('', 'export default async (view) =>')],
  ['ends the process', 'exits', policy('process.exit(0);')],
  ['throws undefined', 'throws', policy('process.exitCode = 0; throw undefined;')],
];

/** Node ends itself so if the heap of its first thread is full. */
const OUT_OF_MEMORY = 134;
const TELLS = /polic|out of memory/;
const ENV = { DECPOOL_POLICY_SECONDS: '2', NODE_OPTIONS: '--max-old-space-size=256' };

function tried(file: string, text: string, world: World): Try[] {
  const path = join(world.folder, `${file}.mjs`);
  const run = (command: string, words: () => string[], statuses: readonly number[]): Try => ({
    command,
    async run() {
      writeFileSync(path, text);
      const ended = await decpool(words(), { env: ENV, cwd: world.folder });
      if (ended.code === OUT_OF_MEMORY && ended.stderr.includes('JavaScript heap out of memory'))
        return undefined;
      const why = lost(ended, statuses);
      if (why !== undefined) return why;
      return TELLS.test(ended.stderr + ended.stdout) ? undefined : `does not tell of it: ${ended.stderr}`;
    },
  });
  return [
    run('compare', () => compareWords(world.fresh()).map((word) => word.replace('linux-6.12', path)), [2]),
    run('verify', () => ['verify', world.log, '--against', path], [1, 2]),
    run(
      'fork',
      () => ['fork', world.log, '--at', '0', '--policy', path, '--out', world.fresh('.arrow')],
      [2],
    ),
    run('check-policy', () => ['check-policy', path, '--runs', '20'], [1, 2]),
    run('sweep', () => {
      const definition = join(world.folder, `${file}.json`);
      writeFileSync(
        definition,
        JSON.stringify({
          name: file,
          policies: ['gfp-decrypted', path],
          inputs: [{ workload: 'churn' }],
          memory: ['1G'],
          seeds: [1],
        }),
      );
      return ['sweep', definition, '--out', world.fresh()];
    }, [0, 2]),
  ];
}

export const policyFaults = (world: World): Fault[] =>
  KINDS.map(([name, file, text]) => ({ name: `a policy that ${name}`, tries: tried(file, text, world) }));
