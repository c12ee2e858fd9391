import pc from 'picocolors';
import type { Conformance, Failure } from '../../policies/conformance.ts';
import { formatValue } from '../../text/units.ts';
import { argument, command, number } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { ANY_SEED, policyNames } from '../options.ts';
import { counted } from '../progress.ts';

export const checkPolicy = command({
  name: 'check-policy',
  summary: 'check that a policy keeps the rules that every policy must',
  description:
    'Tries a policy with random histories of requests and prints a line per rule. For each broken rule, prints the shortest history found that breaks it.',
  arguments: {
    policy: argument('<policy>', 'a policy, or a file that exports one', {
      words: policyNames,
      isFile: true,
    }),
  },
  options: {
    runs: number('--runs <n>', 'histories to try', { from: 1, to: 1_000_000, default: 100 }),
    seed: number('--seed <n>', 'seed of the histories', { ...ANY_SEED, default: 1 }),
  },
  different: 'A rule is broken; see the output.',
  examples: [
    'decpool check-policy ./my-policy.ts',
    'decpool check-policy first-fit+block+immediate --runs 1000',
  ],
  seeAlso: 'docs/own-policy.md',
  async run({ policy, runs, seed }, { output }) {
    const { checkConformance } = await import('../../policies/conformance.ts');
    const { expectBuiltins, policiesFor } = await import('../../policies/load.ts');
    const { RULES } = await import('../../policies/rules.ts');
    const [{ name, factory }] = await policiesFor([policy]);
    const bar = counted('check-policy', 'histories', output);
    const conformance = await checkConformance(factory, {
      runs,
      seed,
      onProgress: (done) => bar.show(done, runs),
    });
    bar.stop();
    expectBuiltins();
    output.write(`policy       ${name}${name === policy ? '' : ` (${policy})`}\n`);
    output.write(
      `histories    ${runs} at random, seed ${seed}, in turn on every platform, granule and kind of memory\n`,
    );
    output.write(`kept         ${keptOf(conformance)}\n\n`);
    const colours = pc.createColors(output.isColoured);
    for (const { rule, failure } of conformance.rules) {
      output.write(
        `${failure === undefined ? colours.green('pass') : colours.red('FAIL')}  ${rule}: ${RULES[rule]}\n`,
      );
    }
    const failing = conformance.rules.filter(({ failure }) => failure !== undefined);
    for (const { rule, failure } of failing) {
      if (failure !== undefined) output.write(`\n${rule}, shown by\n${historyOf(failure)}`);
    }
    return failing.length === 0 ? EXIT.done : EXIT.different;
  },
});

/** No rule: a pool may keep what it has. */
function keptOf({ mostClaimedPages, mostSharedPages }: Conformance): string {
  const claimed = formatValue(mostClaimedPages, 'pages');
  const shared = formatValue(mostSharedPages, 'pages');
  return `when everything was freed and no conversion had failed, up to ${claimed} pages, and up to ${shared} shared`;
}

const KIB_A_PAGE = 4;

function historyOf({ setting, rounds, requests, message }: Failure): string {
  const { platform, granulePages, memory, faults, restore } = setting;
  const where = [
    `platform ${platform}`,
    `granule ${granulePages * KIB_A_PAGE} KiB`,
    `memory: ${memory}`,
    ...(restore ? ['large pages restored'] : []),
    ...(faults === undefined ? [] : ['conversions that fail']),
    ...(rounds === 1 ? [] : [`${rounds} rounds`]),
  ];
  const width = String(requests.length).length;
  const lines = requests.map((text, index) => `  ${String(index + 1).padStart(width)}. ${text}\n`);
  return `  ${where.join(', ')}\n${lines.join('')}  ${message}\n`;
}
