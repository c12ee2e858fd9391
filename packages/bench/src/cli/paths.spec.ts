import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decpool } from './testing.ts';

const TRACE = fileURLToPath(
  new URL('../../../../examples/traces/recordings/k61/E7cc/dma_requests.ndjson.gz', import.meta.url),
);
/** Node 20 throws for such a path where others find nothing. */
const BELOW_A_FILE = `${fileURLToPath(import.meta.url)}/below`;

const COMMANDS = [
  'analyze',
  'compare --config',
  'compare --memory-state',
  'compare --policy',
  'compare --recording',
  'compare --trace',
  'check-policy',
  'convert',
  'report',
  'show',
  'sweep',
  'validate',
  'validate --exact',
  'validate --scatter',
  'validate --supply',
  'verify',
];

describe('a path that goes on below a file', () => {
  it.each(COMMANDS)('is no defect of decpool: %s', async (command) => {
    const more = command === 'convert' ? ['unwritten.arrow'] : [];
    const { code, stderr } = await decpool(...command.split(' '), BELOW_A_FILE, ...more);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(BELOW_A_FILE) });
    expect(stderr).not.toContain('    at ');
  });
});

it('analyzes a trace, which is a file and no folder of a recording', async () => {
  const { code, stdout, stderr } = await decpool('analyze', TRACE);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('dma_requests.ndjson.gz');
});
