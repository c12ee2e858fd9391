import pc from 'picocolors';
import { type Conformance, checkConformance, type Failure } from '../policies/conformance.ts';
import { policiesFor } from '../policies/load.ts';
import { RULES } from '../policies/rules.ts';
import { formatValue } from '../text/units.ts';
import type { Output } from './output.ts';
import { counted } from './progress.ts';

export interface CheckPolicyOptions {
  readonly runs: number;
  readonly seed: number;
}

/**
 * `decpool check-policy`: tries a policy with random histories and writes a line per rule, and for each one that is broken the
 * shortest history found that shows it. Resolves to the exit code: 0, or 1 when a rule is broken. Throws InputError for a
 * policy that there is not or that cannot be loaded.
 */
export async function checkPolicyCommand(
  given: string,
  { runs, seed }: CheckPolicyOptions,
  output: Output,
): Promise<number> {
  const [{ name, factory }] = await policiesFor([given]);
  const bar = counted('check-policy', 'histories', output);
  const conformance = await checkConformance(factory, {
    runs,
    seed,
    onProgress: (done) => bar.show(done, runs),
  });
  bar.stop();
  output.write(`policy       ${name}${name === given ? '' : ` (${given})`}\n`);
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
  return failing.length === 0 ? 0 : 1;
}

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
