import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { resourceUrl } from '../files/resource.ts';
import { decpool } from './testing.ts';

const SCRIPT = fileURLToPath(resourceUrl('record.sh'));
const RECORDED = fileURLToPath(new URL('../traces/recording/fixtures/qemu-6.12.tar.gz', import.meta.url));
const ARM64 = RECORDED.replace('6.12', '6.16-arm64');
const scratch = mkdtempSync(join(tmpdir(), 'decpool-record-spec-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const script = (words: readonly string[], env: Record<string, string> = {}) =>
  spawnSync('sh', [SCRIPT, ...words], { encoding: 'utf8', env: { ...process.env, ...env } });

describe('decpool record', () => {
  it('prints the script that it runs, for guests without Node.js', async () => {
    const { stdout, code } = await decpool('record', '--print');
    expect({ stdout, code }).toEqual({ stdout: readFileSync(SCRIPT, 'utf8'), code: 0 });
    execFileSync('sh', ['-n'], { input: stdout });
  });

  it('refuses what does not go together, before anything runs', async () => {
    const out = join(scratch, 'refused');
    expect(await decpool('record', '--seconds', '1')).toMatchObject({
      code: 2,
      stderr: 'decpool: expected --out with a new folder or a new .tar.gz file.\n',
    });
    expect(await decpool('record', '--out', out, '--seconds', '1', '--', 'true')).toMatchObject({
      code: 2,
      stderr: 'decpool: give one of --seconds, --boot and a command.\n',
    });
    expect((await decpool('record', '--out', out, '--seconds', 'many')).code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});

describe('record.sh', () => {
  it('gives the kernel command line the argument registers of the machine', () => {
    const probesOf = (machine: string) => {
      const { stdout } = script(['--print-cmdline'], { DECPOOL_MACHINE: machine });
      return /^kprobe_event="([^" ]+)" trace_event=dma:dma_alloc,\S+ trace_buf_size=8192k /
        .exec(stdout)?.[1]
        .split(';');
    };
    expect(probesOf('x86_64')?.slice(0, 3)).toEqual([
      'p:decpool/setdec,set_memory_decrypted,addr=%di:x64,npages=%si:s32',
      'p:decpool/setenc,set_memory_encrypted,addr=%di:x64,npages=%si:s32',
      'r:decpool/setdecret,set_memory_decrypted,ret=$retval:s32',
    ]);
    expect(probesOf('aarch64')?.slice(4)).toEqual([
      'p:decpool/cohalloc,dma_alloc_attrs,dev=+0(+0(%x0)):string,size=%x1:u64',
      'r:decpool/cohallocr,dma_alloc_attrs,cpu_addr=$retval:x64',
      'p:decpool/cohfree,dma_free_attrs,cpu_addr=%x2:x64',
    ]);
    expect(script(['--print-cmdline'], { DECPOOL_MACHINE: 's390x' })).toMatchObject({
      status: 2,
      stderr: 'record.sh: machine s390x: expected x86_64 or aarch64\n',
    });
  });

  it('refuses wrong options with what is expected', () => {
    expect(script(['--seconds', '0']).stderr).toContain("--seconds '0': expected a whole number from 1");
    expect(script(['--boot', '--', 'true']).stderr).toContain('give one of --seconds, --boot and a command');
    expect(script(['--fast']).stderr).toContain("'--fast': no such option");
    expect(script(['--fast']).status).toBe(2);
  });
});

describe('decpool compare --recording', () => {
  const compare = (...more: string[]) =>
    decpool(
      'compare',
      '--policy',
      'linux-7.3,linux-6.12,decpool',
      '--seeds',
      '2',
      '--out',
      join(scratch, 'out'),
      ...more,
    );

  it('takes everything from the recording, and shows the counters of its kernel beside the model', async () => {
    const { stdout, code } = await compare('--recording', RECORDED, '--platform', 'tdx');
    expect(code).toBe(0);
    expect(stdout).toContain('qemu-6.12, tdx, qemu-6.12 (positions), --kernel 6.12: 40 requests');
    const row = (label: string) =>
      stdout
        .split('\n')
        .find((line) => line.startsWith(`│ ${label}`))
        ?.split('│')
        .slice(2, -1)
        .map((cell) => cell.trim());
    expect(row('2M splits')?.slice(0, 3)).toEqual(['7', '5', '6']);
    expect(row('DirectMap4k before, MiB')?.[0]).toBe('25.8');
    expect(row('DirectMap4k after, MiB')?.[0]).toBe('39.8');
    expect(stdout).toMatch(
      /40 conversions split 5 2M mappings; other code, such as loading modules, split 2\./,
    );
    const { recorded, policies } = JSON.parse(
      readFileSync(join(scratch, 'out/qemu-6.12/results.json'), 'utf8'),
    );
    expect(recorded).toMatchObject({
      kernel: expect.stringMatching(/^6\.12\./),
      counters: { splits2M: 7 },
      conversions: { calls: 40, failed: 0, kernel: { splits2M: 5 }, rule: { splits2M: 6 } },
    });
    expect(String(policies[1].metrics['splits-2m'].median)).toBe(row('2M splits')?.[3].split(' ')[0]);
  });

  it('of an arm64 guest has no counters, and says what its requests are', async () => {
    const { stdout, code } = await compare('--recording', ARM64, '--platform', 'cca', '--seeds', '1');
    expect(code).toBe(0);
    const text = stdout.replace(/\n +/g, ' ');
    expect(text).toMatch(/^qemu-6\.16-arm64, cca, .*: 968 requests/);
    expect(text).toContain('note: The guest converted no memory, so it is no confidential guest.');
    expect(text).not.toContain('recorded beside modelled');
    const results = JSON.parse(readFileSync(join(scratch, 'out/qemu-6.16-arm64/results.json'), 'utf8'));
    expect(results.recorded).toBeUndefined();
  });

  it('is one input', async () => {
    for (const [option, value] of [
      ['--trace', 'trace.txt'],
      ['--workload', 'netvsc'],
    ]) {
      expect(await compare('--recording', RECORDED, option, value)).toMatchObject({
        code: 2,
        stderr: 'decpool: --recording has requests: give no --trace and no --workload with it.\n',
      });
    }
  });
});
