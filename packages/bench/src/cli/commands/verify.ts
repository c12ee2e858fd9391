import type { Check } from '../../rerun/verify.ts';
import { printable } from '../../text/printable.ts';
import { command, flag, number, text } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { LOG, OWN_POLICIES, policyNames } from '../options.ts';
import { ownPolicies } from '../own-policies.ts';
import { bytesRead } from '../reading.ts';

export const verify = command({
  name: 'verify',
  summary: 'check a log: structure, hashes, invariants, and a re-run of its requests',
  description:
    'Reads a log from end to end. Checks its structure and the hash chain over header and events. Checks that every event is possible and that keyframes hold the right states. Recounts all counters. Then re-runs its requests under its policy and compares event by event.',
  arguments: { log: LOG },
  options: {
    every: number('--every <n>', 'recount after every n-th event, and at the end; 0: only at the end', {
      ...{ from: 0, to: Number.MAX_SAFE_INTEGER, default: 65_536 },
    }),
    against: text(
      '--against <policy>',
      're-run the requests under this policy (in a fork: instead of the last policy)',
      { words: policyNames, isFile: true },
    ),
    own: OWN_POLICIES,
    rerun: flag('--no-rerun', 'do not re-run the requests'),
  },
  different: 'A check failed; see the output.',
  examples: [
    'decpool verify decpool-results/netvsc/logs/gfp-decrypted.arrow',
    'decpool verify run.ndjson --every 1',
    'decpool verify run.arrow --against ./my-policy.ts',
  ],
  seeAlso: 'decpool replay, decpool recover; docs/replay.md, docs/reference/log-format.md',
  async run({ log, every, against, own, rerun }, { output }) {
    const { verifyLog } = await import('../../rerun/verify.ts');
    const { policyOf } = await import('../../rerun/rerun.ts');
    const { policyFor } = await import('../../policies/load.ts');
    const policies = await ownPolicies(own);
    const other = against === undefined ? undefined : await policyFor(against);
    const reading = bytesRead('verify', output);
    const checks = await verifyLog(log, {
      every,
      onRead: reading.onRead,
      ...(rerun ? { policy: (header) => policyOf(header, policies, other) } : {}),
    }).finally(reading.stop);
    for (const check of checks) output.write(await checkText(check));
    return checks.some(({ verdict }) => verdict === 'wrong') ? EXIT.different : EXIT.done;
  },
});

const VERDICTS = { ok: 'ok', wrong: 'WRONG', skipped: '-' } as const;

async function checkText({ name, verdict, text, divergence }: Check): Promise<string> {
  const line = `${name.padEnd(12)} ${VERDICTS[verdict].padEnd(5)} ${printable(text)}\n`;
  if (divergence === undefined) return line;
  const { partingLines } = await import('../../rerun/diff-text.ts');
  const { before, left, right } = divergence;
  return `${line}${partingLines(before, ['-', left], ['+', right])}  - the log, + the requests made again\n`;
}
