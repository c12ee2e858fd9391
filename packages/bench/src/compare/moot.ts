import type { Request, StateView } from '@decpool/model';

/** A caller whose allocation was refused has nothing to free or to map: such a request is passed over. */
export function isMoot(request: Request, view: StateView): boolean {
  switch (request.kind) {
    case 'free':
    case 'map-user':
    case 'unmap-user':
      return view.isRefused(request.allocation);
    default:
      return false;
  }
}
