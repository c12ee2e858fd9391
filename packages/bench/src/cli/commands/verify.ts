import { type Command, Option } from 'commander';
import type { Check } from '../../rerun/verify.ts';
import { printable } from '../../text/printable.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { partingLines } from '../event-line.ts';
import { wholeNumber } from '../numbers.ts';
import { filesIn, OWN_OPTION, ownPolicies } from '../own-policies.ts';
import { bytesRead } from '../reading.ts';

interface VerifyCommandOptions {
  readonly every: number;
  readonly against?: string;
  readonly own?: string;
  readonly rerun: boolean;
}

export function addVerify(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('verify')
    .summary('check a log: structure, hashes, invariants, and that its requests give its events again')
    .description(
      'Reads a log from end to end: its structure, the hash chain over header and events, whether every event can have happened, whether keyframes hold the states that the events lead to, and a recount of everything that the state counts. Then makes its requests again under its policy, and compares event by event. Exit code 1 when anything is wrong.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .addOption(
      new Option('--every <n>', 'recount after every n-th event, and at the end; 0: only there')
        .default(65_536)
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .option(
      '--against <policy>',
      'make the requests again under this policy instead, as after editing its file; of a fork, instead of the last one',
    )
    .option(...OWN_OPTION)
    .option('--no-rerun', 'do not make the requests again')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool verify decpool-results/netvsc/logs/gfp-decrypted.arrow
  decpool verify run.ndjson --every 1
  decpool verify run.arrow --against ./my-policy.ts

SEE ALSO
  decpool replay, decpool recover; docs/replay.md, docs/log-format.md`,
    )
    .action(async (log: string, options: VerifyCommandOptions) => {
      exit(await verifyCommand(log, options, output));
    });
}

async function verifyCommand(
  log: string,
  { every, against, own, rerun }: VerifyCommandOptions,
  output: Output,
): Promise<number> {
  const [{ verifyLog }, { policyOf }, { policyFor }] = await Promise.all([
    import('../../rerun/verify.ts'),
    import('../../rerun/rerun.ts'),
    import('../../policies/load.ts'),
  ]);
  const policies = await ownPolicies(filesIn(own));
  const other = against === undefined ? undefined : await policyFor(against);
  const reading = bytesRead('verify', output);
  const checks = await verifyLog(log, {
    every,
    onRead: reading.onRead,
    ...(rerun ? { policy: (header) => policyOf(header, policies, other) } : {}),
  }).finally(reading.stop);
  for (const check of checks) output.write(checkText(check));
  return checks.some(({ verdict }) => verdict === 'wrong') ? 1 : 0;
}

const VERDICTS = { ok: 'ok', wrong: 'WRONG', skipped: '-' } as const;

function checkText({ name, verdict, text, divergence }: Check): string {
  const line = `${name.padEnd(12)} ${VERDICTS[verdict].padEnd(5)} ${printable(text)}\n`;
  if (divergence === undefined) return line;
  const { before, left, right } = divergence;
  return `${line}${partingLines(before, ['-', left], ['+', right])}  - the log, + the requests made again\n`;
}
