import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogFormat } from '../log/format.ts';
import { shortRun } from '../log/testing.ts';
import { COMMANDS, DamagedLog, spread } from './testing-damage.ts';

const FORMATS: readonly LogFormat[] = ['ndjson', 'arrow'];

describe.each(FORMATS)('a damaged log as %s', (format) => {
  let folder = '';
  let log: DamagedLog;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    log = await DamagedLog.of(shortRun(), format, folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What the commands did with damaged logs: how often each was honest in which way, and where one was not. */
  async function tally(damages: Iterable<number>, damaged: (damage: number) => Uint8Array) {
    const counts = Object.fromEntries(COMMANDS.map((command) => [command, {} as Record<string, number>]));
    const dishonest: unknown[] = [];
    for (const damage of damages) {
      for (const [command, verdict] of Object.entries(await log.verdicts(damaged(damage)))) {
        if (typeof verdict !== 'string') dishonest.push({ damage, command, ...verdict });
        else counts[command][verdict] = (counts[command][verdict] ?? 0) + 1;
      }
    }
    return { counts, dishonest };
  }

  it('is found, or harmless, whichever bit of it is another', async () => {
    const flips = randomRuns(240);
    const { counts, dishonest } = await tally(spread(flips, log.bytes.length * 8), (bit) => {
      const bytes = Buffer.from(log.bytes);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      return bytes;
    });
    expect(dishonest).toEqual([]);
    for (const command of COMMANDS) expect(counts[command]['found'], command).toBeGreaterThan(flips / 2);
  });

  it('is found, or said to be cut off, wherever it ends', async () => {
    // The end-of-stream mark of Arrow may be missing, and the last line end of NDJSON.
    const shortest = log.bytes.length - (format === 'arrow' ? 8 : 1);
    const { counts, dishonest } = await tally(spread(randomRuns(60), shortest), (length) =>
      log.bytes.subarray(0, length),
    );
    expect(dishonest).toEqual([]);
    for (const command of COMMANDS) {
      expect(Object.keys(counts[command]).sort(), command).toEqual(['cut off', 'found']);
    }
  });
});
