/**
 * kmem:kmalloc and kmem:kfree (include/trace/events/kmem.h). Pointers are hashes, but one pointer has one hash
 * as long as the kernel runs, so an object's kfree has the `ptr` of its kmalloc. kfree() also frees what
 * kmem_cache_alloc() gave: that is a free without an allocation here.
 */
import { GFP, orderFor, pagesFor } from '@decpool/model';
import { PAGE_SHIFT } from '../../workloads/workload.ts';
import type { SharedExpression } from '../shared-expression.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { bytesOf, fieldOf, isNull } from './event-fields.ts';
import { parseGfp } from './gfp-flags.ts';
import { type TracefsEvent, taskName } from './tracefs.ts';

export class SlabEvents {
  readonly #into: TraceRequests;
  readonly #shared: SharedExpression | undefined;
  /** Objects that the SharedExpression leaves out. */
  readonly #privateObjects = new Set<string>();
  #objects = 0;

  constructor(into: TraceRequests, shared: SharedExpression | undefined) {
    this.#into = into;
    this.#shared = shared;
  }

  /** kmalloc. Returns what its fields should have been, when they are not. */
  allocated({ task, event, at, fields }: TracefsEvent): string | undefined {
    const pointer = pointerOf(fields);
    const bytes = bytesOf(fieldOf(fields, 'bytes_req'));
    const site = fieldOf(fields, 'call_site');
    if (pointer === undefined || bytes === undefined || site === undefined) {
      return 'call_site=FUNCTION ptr=HASH bytes_req=BYTES gfp_flags=FLAGS';
    }
    if (isNull(pointer)) {
      this.#into.failed();
      return;
    }
    const gfp = parseGfp(fieldOf(fields, 'gfp_flags') ?? 'none');
    const pages = pagesFor(bytes, PAGE_SHIFT);
    if (this.#shared !== undefined) {
      const migratetype = gfp.flags & GFP.__GFP_RECLAIMABLE ? 'Reclaimable' : 'Unmovable';
      const matches = this.#shared.matches({
        order: orderFor(pages),
        migratetype,
        gfp: gfp.names,
        task: taskName(task),
      });
      if (!matches) {
        this.#into.missedFree(keyOf(pointer), at);
        this.#privateObjects.add(pointer);
        this.#into.ignore(`${event} that --shared does not select`);
        return;
      }
      this.#privateObjects.delete(pointer);
    }
    this.#objects++;
    this.#into.allocate(keyOf(pointer), at, {
      api: 'kmalloc',
      pages,
      bytes,
      owner: functionOf(site),
      gfp: gfp.flags,
    });
    return;
  }

  /** kfree. Returns what its fields should have been, when they are not. */
  freed({ at, fields }: TracefsEvent): string | undefined {
    const pointer = pointerOf(fields);
    if (pointer === undefined) return 'call_site=FUNCTION ptr=HASH';
    if (isNull(pointer)) this.#into.ignore('kfree of NULL');
    else if (this.#privateObjects.delete(pointer))
      this.#into.ignore('kfree of an object that --shared does not select');
    else this.#into.free(keyOf(pointer), at);
    return;
  }

  end(): void {
    if (this.#shared !== undefined || this.#objects === 0) return;
    this.#into.note(
      `All ${this.#objects} kmalloc calls of the trace count as shared memory. In a real kernel few are; select them with --shared.`,
    );
  }
}

/** Early in boot all hashes are one text; that names nothing. */
const POINTER = /^(?:(?:0x)?[0-9a-f]{1,16}|\(null\)|\(nil\))$/;

function pointerOf(fields: string): string | undefined {
  const pointer = fieldOf(fields, 'ptr');
  return pointer !== undefined && POINTER.test(pointer) ? pointer : undefined;
}

const keyOf = (pointer: string): string => `kmalloc ${pointer}`;

/** `ext4_readdir` of `ext4_readdir+0x991/0xb60`. */
const functionOf = (site: string): string => site.replace(/\+0x.*$/, '');
