/**
 * What a driver may still convert by itself: nothing of what a pool gave it. The rules are those that reviewers of the
 * kernel's own interface worried about; each refusal says which one was broken.
 */
import { type AllocationId, type Direction, InputError, type StateView } from '@decpool/model';

export interface CallerConversion {
  readonly allocation: AllocationId;
  /** Pages of the allocation, counted from its first. */
  readonly firstPage: number;
  readonly pages: number;
  readonly direction: Direction;
}

const CALLS: Readonly<Record<Direction, string>> = {
  decrypt: 'set_memory_decrypted()',
  encrypt: 'set_memory_encrypted()',
};

/** Throws InputError unless the call would succeed, in which case it changes nothing. */
export function expectConvertible(view: StateView, conversion: CallerConversion): void {
  const { allocation: id, firstPage, pages, direction } = conversion;
  const call = `${CALLS[direction]} of ${pages} pages of allocation ${id}`;
  if (!Number.isInteger(id) || !view.isLive(id)) throw new InputError(`${call}: it is not live`);
  const { extents, userMappings, isMapped, object } = view.allocation(id);
  const held = extents.reduce((sum, extent) => sum + extent.pages, 0);
  if (object !== undefined) {
    throw new InputError(
      `${call}: it is an object in slab ${object.slab} and shares its page; convert whole pages only`,
    );
  }
  if (userMappings > 0) {
    throw new InputError(
      `${call}: it is mapped into user space, so its pages must not be converted; unmap it first`,
    );
  }
  if (
    !Number.isInteger(firstPage) ||
    !Number.isInteger(pages) ||
    firstPage < 0 ||
    pages < 1 ||
    firstPage + pages > held
  ) {
    throw new InputError(`${call} from page ${firstPage}: expected a range within its ${held} pages`);
  }
  if (isMapped && pages !== held) {
    throw new InputError(
      `${call} from page ${firstPage}: it is a vmalloc area; convert all of its ${held} pages`,
    );
  }
  const { platform } = view;
  if (isMapped && platform.vmallocAddress !== 'converted') {
    const why =
      platform.vmallocAddress === 'rejected'
        ? 'returns -EINVAL for'
        : 'has no meaningful physical address for';
    throw new InputError(
      `${call}: it is a vmalloc area, and platform '${platform.name}' ${why} a vmalloc address`,
    );
  }
  if (!platform.confidential) return;
  if (direction === 'encrypt') {
    throw new InputError(`${call}: the pool makes its memory private itself; free the allocation instead`);
  }
}
