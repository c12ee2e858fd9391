/** The memory state before a row: what its folder lacks is computed as a kernel computes it. */
import { InputError, type MemoryState } from '@decpool/model';
import { watermarksOf } from '@decpool/pool/internal';
import { memoryStateOf } from '../../traces/memory-state/memory-state.ts';
import { folderFiles } from '../../traces/memory-state/proc-files.ts';

/** RAM of a guest of 2 GiB, as QEMU lays it out. */
const IOMEM_2_GIB = '00001000-0009fbff : System RAM\n00100000-7ffdffff : System RAM\n';
const KIB_2_GIB = 2 ** 21;

/**
 * Reads `buddyinfo`, `pagetypeinfo` and `meminfo` of a folder, and `iomem` if it is there; without it the guest must have 2 GiB. The
 * watermarks follow from the RAM. Throws InputError.
 */
export function memoryBefore(folder: string, name: string): MemoryState {
  const files = folderFiles(folder);
  const isKnown = files.textOf('iomem') !== undefined;
  const total = Number(/^MemTotal:\s+(\d+) kB$/m.exec(files.textOf('meminfo') ?? '')?.[1]);
  if (!isKnown && !(total > KIB_2_GIB / 2 && total <= KIB_2_GIB)) {
    throw new InputError(
      `${folder}: no iomem; without a copy of /proc/iomem only guests of 2 GiB are known, by their meminfo`,
    );
  }
  const { memory } = memoryStateOf(
    {
      ...files,
      textOf: (file) => files.textOf(file) ?? (file === 'iomem' ? IOMEM_2_GIB : undefined),
    },
    name,
  );
  const watermarks = watermarksOf(memory.zones);
  return {
    ...memory,
    zones: memory.zones.map((zone, index) => ({ ...zone, watermarks: watermarks[index] })),
  };
}
