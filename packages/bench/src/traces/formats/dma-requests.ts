import { z } from 'zod';
import { parseSeconds } from '../events/timestamps.ts';
import type { LineReader, TraceFormat } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { DmaBuffers } from './dma-buffers.ts';

/** JSON.parse() keeps the digits of a time: String() of what it read is what was written, up to 15 digits. */
const time = z.number().transform((seconds, context) => {
  const at = parseSeconds(String(seconds));
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: 'expected seconds with at most nine decimals' });
  return z.NEVER;
});
const pfn = z.number().int().nonnegative();
const npages = z.number().int().positive();
const bytes = z.number().int().nonnegative();

const Line = z.discriminatedUnion('op', [
  z.object({ op: z.literal('dec'), t: time, pfn, npages, stack: z.array(z.string()).default([]) }),
  z.object({ op: z.literal('enc'), t: time, pfn, npages }),
  z.object({ op: z.literal('coherent_alloc'), t: time, dev: z.string(), bytes }),
  z.object({ op: z.literal('coherent_free'), t: time, dev: z.string(), bytes, cpu_addr: z.string() }),
]);
type Line = z.infer<typeof Line>;

/** What a recorder of DMA requests writes: conversions and the calls around them, one JSON object a line. */
export const dmaRequests: TraceFormat = {
  name: 'dma-requests',
  description: 'Coherent DMA buffers of real drivers, recorded while devices were hot-plugged.',
  example:
    '{"t":7.421072,"op":"dec","npages":1,"task":"kworker/u4:1","pfn":1104575,"stack":["nvme_alloc_queue"]}',
  recognises: (text) => 'line' in parse(text),
  reader: (into) => new DmaRequestsReader(into),
};

class DmaRequestsReader implements LineReader {
  readonly #into: TraceRequests;
  readonly #buffers: DmaBuffers;
  /** The coherent_alloc on the line just before, whose conversion would be the next line. */
  #asked: { readonly device: string; readonly bytes: number } | undefined;

  constructor(into: TraceRequests) {
    this.#into = into;
    this.#buffers = new DmaBuffers(into);
  }

  read(text: string, lineNumber: number): void {
    if (text.trim() === '') {
      this.#into.ignore('blank lines');
      return;
    }
    const parsed = parse(text);
    if ('line' in parsed) this.#take(parsed.line);
    else this.#into.unparsed(lineNumber, text, parsed.reason);
  }

  #take(line: Line): void {
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked !== undefined) {
      this.#into.ignore(
        line.op === 'dec' ? 'coherent_alloc (size of a dec)' : 'coherent_alloc served elsewhere',
      );
    }
    switch (line.op) {
      case 'coherent_alloc':
        this.#asked = { device: line.dev, bytes: line.bytes };
        return;
      case 'dec':
        this.#buffers.decrypted({ at: line.t, pfn: line.pfn, pages: line.npages, asked, stack: line.stack });
        return;
      case 'enc':
        this.#buffers.encrypted({ at: line.t, pfn: line.pfn, pages: line.npages });
        return;
      case 'coherent_free':
        this.#into.ignore(line.cpu_addr === '0x0' ? 'coherent_free of 0x0' : 'coherent_free');
        return;
    }
  }

  end(): void {
    if (this.#asked !== undefined) this.#into.ignore('coherent_alloc served elsewhere');
    this.#buffers.end();
  }
}

function parse(text: string): { readonly line: Line } | { readonly reason: string } {
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
