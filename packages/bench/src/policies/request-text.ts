/** Requests as people read them. */
import { type AllocateRequest, ANY_NODE, GFP_KERNEL } from '@decpool/model';
import { gfpName, isInBytes } from '@decpool/model/internal';

export const pagesOf = (pages: number) => `${pages} ${pages === 1 ? 'page' : 'pages'}`;
export const inContext = (gfp: number) => (gfp === GFP_KERNEL ? '' : `, ${gfpName(gfp)}`);

/** A request for pages, as a line of a history. */
export function textOf(request: AllocateRequest): string {
  const { allocation, api, pages, bytes, owner, gfp = GFP_KERNEL, node = ANY_NODE } = request;
  const { align = 1, cpu = 0 } = request;
  const size = isInBytes(api) ? `${bytes} bytes` : pagesOf(pages);
  const where = node === ANY_NODE ? '' : `, node ${node}`;
  const aligned = align === 1 ? '' : `, aligned to ${align} bytes`;
  const onCpu = cpu === 0 ? '' : `, CPU ${cpu}`;
  return `${api} of ${size} for '${owner}'${inContext(gfp)}${where}${aligned}${onCpu}, as ${allocation}`;
}
