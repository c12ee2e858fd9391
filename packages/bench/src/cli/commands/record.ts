import { InputError } from '@decpool/model';
import { command, file, flag, number, type Parameter } from '../declaration.ts';

const COMMAND: Parameter<string[], 'text'> = {
  flags: '[command...]',
  text: 'behind --: record while this command runs',
  kind: 'text',
};

export const record = command({
  name: 'record',
  summary: 'record what this guest does with shared memory (Linux, as root)',
  description:
    "Traces conversions, coherent buffers and bounce buffers by tracefs, and copies the state of memory before and after. Without --seconds and a command it records until Ctrl-C. 'decpool compare --recording' reads the result. Guests without Node.js run the script that --print shows.",
  arguments: { command: COMMAND },
  options: {
    out: file('--out <path>', 'new folder, or new file if it ends in .tar.gz'),
    seconds: number('--seconds <n>', 'record for so long', { from: 1, to: 10_000_000 }),
    boot: flag('--boot', 'collect what the kernel recorded since boot, by --print-cmdline'),
    pages: flag('--pages', 'also record every page allocation and free'),
    bufferKb: number(
      '--buffer-kb <n>',
      'trace buffer of each CPU and kind of event, in KiB (default: 8192; for --pages 65536)',
      { from: 1, to: 2 ** 30 },
    ),
    clean: flag('--clean', 'remove what a killed recording left in the kernel'),
    print: flag('--print', 'print the script and record nothing'),
    printCmdline: flag('--print-cmdline', 'print words for the kernel command line, for --boot'),
  },
  examples: [
    'decpool record --print > record.sh',
    'sudo decpool record --out guest -- sh -c "rmmod nvme; modprobe nvme"',
    'sudo decpool record --out guest.tar.gz --seconds 60',
    'decpool compare --recording guest',
  ],
  seeAlso: 'decpool compare; docs/traces.md',
  async run({ command: words, out, seconds, boot, pages, bufferKb, clean, print, printCmdline }, { output }) {
    const { readFileSync } = await import('node:fs');
    const { resourceUrl } = await import('../../files/resource.ts');
    const script = resourceUrl('record.sh');
    if (print === true) {
      output.write(readFileSync(script, 'utf8'));
      return undefined;
    }
    const ways = [seconds !== undefined, boot === true, words.length > 0].filter(Boolean).length;
    if (ways > 1) throw new InputError('give one of --seconds, --boot and a command.');
    if (out === undefined && clean !== true && printCmdline !== true) {
      throw new InputError('expected --out with a new folder or a new .tar.gz file.');
    }
    const { runRecorder } = await import('../record-run.ts');
    return runRecorder(script, {
      isRootNeeded: printCmdline !== true,
      words: [
        ...(out === undefined ? [] : ['--out', out]),
        ...(seconds === undefined ? [] : ['--seconds', String(seconds)]),
        ...(bufferKb === undefined ? [] : ['--buffer-kb', String(bufferKb)]),
        ...(boot === true ? ['--boot'] : []),
        ...(pages === true ? ['--pages'] : []),
        ...(clean === true ? ['--clean'] : []),
        ...(printCmdline === true ? ['--print-cmdline'] : []),
        ...(words.length === 0 ? [] : ['--', ...words]),
      ],
    });
  },
});
