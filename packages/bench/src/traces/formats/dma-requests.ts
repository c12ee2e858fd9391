/** NDJSON of set_memory_decrypted(), set_memory_encrypted() and the coherent DMA calls around them, made from `dma-trace` text. */
import * as z from 'zod';
import { MAX_PAGES } from '../events/event-fields.ts';
import { parseSeconds } from '../events/timestamps.ts';
import type { TraceFormat } from '../format.ts';
import { type DmaAllocation, dmaBuffers } from './dma-buffers.ts';

/** JSON.parse() keeps the digits of a time: String() of the number gives back what was written, up to 15 digits. */
const time = z.number().transform((seconds, context) => {
  const at = parseSeconds(String(seconds));
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: 'expected seconds with at most nine decimals' });
  return z.NEVER;
});
const range = {
  t: time,
  pfn: z.number().int().nonnegative(),
  npages: z.number().int().positive().max(MAX_PAGES),
};
const buffer = { t: time, dev: z.string(), bytes: z.number().int().nonnegative() };

const Line = z.discriminatedUnion('op', [
  z.object({ op: z.literal('dec'), ...range, stack: z.array(z.string()).default([]) }),
  z.object({ op: z.literal('enc'), ...range }),
  z.object({ op: z.literal('coherent_alloc'), ...buffer }),
  z.object({ op: z.literal('coherent_free'), ...buffer, cpu_addr: z.string() }),
]);

/** The content of a line, or why it is malformed. */
export function parseDmaRequest(
  text: string,
): { readonly line: z.infer<typeof Line> } | { readonly reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { reason: 'not a JSON object' };
  }
  const checked = Line.safeParse(value);
  if (checked.success) return { line: checked.data };
  const { path, message } = checked.error.issues[0];
  return { reason: path.length === 0 ? message : `${path.join('.')}: ${message}` };
}

export const dmaRequests: TraceFormat = {
  name: 'dma-requests',
  description: 'Coherent DMA buffers of real drivers, recorded while devices were hot-plugged.',
  example:
    '{"t":7.421072,"op":"dec","npages":1,"task":"kworker/u4:1","pfn":1104575,"stack":["nvme_alloc_queue"]}',
  takesShared: false,
  recognises: (text) => 'line' in parseDmaRequest(text),
  reader(into) {
    const buffers = dmaBuffers(into);
    /** The coherent_alloc on the line before. If it converts memory, its `dec` is the next line. */
    let call: DmaAllocation | undefined;
    const endCall = (kind: string) => {
      if (call !== undefined) into.ignore(kind);
      call = undefined;
    };
    return {
      read(text) {
        const parsed = parseDmaRequest(text);
        if ('reason' in parsed) return parsed.reason;
        const { line } = parsed;
        if (line.op === 'dec') {
          buffers.decrypted({ at: line.t, page: line.pfn, pages: line.npages }, call, line.stack);
          endCall('coherent_alloc (size of a dec)');
          return undefined;
        }
        endCall('coherent_alloc served elsewhere');
        if (line.op === 'coherent_alloc') call = { device: line.dev, bytes: line.bytes };
        else if (line.op === 'enc') buffers.encrypted({ at: line.t, page: line.pfn, pages: line.npages });
        else into.ignore(line.cpu_addr === '0x0' ? 'coherent_free of 0x0' : 'coherent_free');
        return undefined;
      },
      end() {
        endCall('coherent_alloc served elsewhere');
        buffers.end();
      },
    };
  },
};
