/**
 * kmem:kmalloc and kmem:kfree (include/trace/events/kmem.h): objects by the function that allocates them. Pointers
 * are hashes, but one pointer has one hash until reboot, so kfree has the `ptr` of its kmalloc. kfree() also frees
 * objects of kmem_cache_alloc(); these are frees without an allocation here.
 */
import { GFP, orderFor } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import { flatCopy } from '../../text/flat-copy.ts';
import type { ImportOptions } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { bytesOf, fieldOf, isNull } from './event-fields.ts';
import { taskName } from './event-line.ts';
import { type EventFamily, fieldHandler } from './event-reader.ts';
import { parseGfp } from './gfp-flags.ts';

export function slabEvents(into: TraceRequests, { shared }: ImportOptions): EventFamily {
  /** Pointers of live objects that --shared does not select. */
  const privateObjects = new Set<string>();
  let requests = 0;

  const kmalloc = fieldHandler(
    'call_site=FUNCTION ptr=HASH bytes_req=BYTES gfp_flags=FLAGS',
    {
      pointer: pointerOf,
      bytes: (fields) => bytesOf(fieldOf(fields, 'bytes_req')),
      site: (fields) => fieldOf(fields, 'call_site'),
    },
    ({ pointer, bytes, site }, { task, event, at, fields }) => {
      if (isNull(pointer)) return into.failed();
      const gfp = parseGfp(fieldOf(fields, 'gfp_flags') ?? 'none');
      const pages = pagesFor(bytes, PAGE_SHIFT);
      const migratetype = gfp.flags & GFP.__GFP_RECLAIMABLE ? 'Reclaimable' : 'Unmovable';
      const traced = { order: orderFor(pages), migratetype, gfp: gfp.names, task: taskName(task) } as const;
      if (shared !== undefined && !shared.matches(traced)) {
        into.missedFree(keyOf(pointer), at);
        privateObjects.add(flatCopy(pointer));
        into.ignore(`${event} that --shared does not select`);
        return;
      }
      privateObjects.delete(pointer);
      requests++;
      // `ext4_readdir` of `ext4_readdir+0x991/0xb60`.
      const owner = site.replace(/\+0x.*$/, '');
      into.allocate(keyOf(pointer), at, { api: 'kmalloc', pages, bytes, owner, gfp: gfp.flags });
    },
  );

  return {
    handlers: {
      kmalloc,
      kmalloc_node: kmalloc,
      kfree: fieldHandler('call_site=FUNCTION ptr=HASH', { pointer: pointerOf }, ({ pointer }, { at }) => {
        if (isNull(pointer)) into.ignore('kfree of NULL');
        else if (privateObjects.delete(pointer)) {
          into.ignore('kfree of an object that --shared does not select');
        } else into.free(keyOf(pointer), at);
      }),
    },
    end() {
      if (shared !== undefined || requests === 0) return;
      into.note(
        `All ${requests} kmalloc calls of the trace count as shared memory. In a real kernel few are; select them with --shared.`,
      );
    },
  };
}

/** Early in boot all hashes are the same text, which is none of these. */
const POINTER = /^(?:(?:0x)?[0-9a-f]{1,16}|\(null\)|\(nil\))$/;

function pointerOf(fields: string): string | undefined {
  const pointer = fieldOf(fields, 'ptr');
  return pointer !== undefined && POINTER.test(pointer) ? pointer : undefined;
}

const keyOf = (pointer: string): string => `kmalloc ${pointer}`;
