/** The life of an allocation as text. */
import { GFP_KERNEL } from '@decpool/model';
import { gfpName } from '@decpool/model/internal';
import { countText, pagesText } from '../text/counts.ts';
import { printable } from '../text/printable.ts';
import { numberColumn, plainTable, textColumn } from '../text/table.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';
import { eventLines, type Names, positionText, whenText } from './event-text.ts';
import type { AllocationReport, PinnedBlock, RequestWork } from './explain-allocation.ts';

/** Rows of a table, and events; JSON has more. */
const ROWS_SHOWN = 20;

export function allocationText(report: AllocationReport, names: Names): string {
  const { allocation, position, owner, asked, failed, freed, others } = report;
  const { request } = asked;
  const api = request.type === 'allocation-requested' ? request : undefined;
  const lines = [
    `allocation ${allocation}, for ${printable(owner)}`,
    `at position  ${positionText(position)}, ${timeText(position.timeNs)}: ${statusText(report)}`,
    `asked for    ${api === undefined ? '' : `${api.api}, ${pagesText(api.pages)}, ${formatValue(api.bytes, 'bytes')}, ${api.gfp ?? gfpName(GFP_KERNEL)}`}`,
    `             request #${request.request}, ${whenText(request)}`,
    ...(failed?.type === 'allocation-failed' ? [`refused      ${failed.reason}`] : []),
    '',
    `for it       ${workText(asked)}`,
    ...workLines(asked, names),
    '',
    ...blockLines(report.blocks),
    ...(others.length === 0 ? [] : ['', 'also about it', ...eventLines(others.slice(0, ROWS_SHOWN), names)]),
    ...(freed === undefined ? [] : ['', ...freedLines(freed, request.time, names)]),
  ];
  return `${lines.join('\n')}\n`;
}

function statusText({ status, freed }: AllocationReport): string {
  if (status === 'live') return 'live';
  if (status === 'failed') return 'refused: it holds nothing';
  if (status === 'requested') return 'being decided';
  return freed !== undefined && status !== 'freeing' ? 'freed' : 'being freed';
}

function freedLines(freed: RequestWork, since: number, names: Names): string[] {
  const { request } = freed;
  return [
    `freed        by request #${request.request}, ${whenText(request)}, after ${timeText(request.time - since)}`,
    `with it      ${workText(freed)}`,
    ...workLines(freed, names),
  ];
}

/** What a request caused, by type: `2 pages-claimed (3 pages), 1 large-page-split`. */
function workText({ byType }: RequestWork): string {
  if (byType.length === 0) return 'nothing was done';
  return byType
    .map(({ type, events, pages }) => {
      const of = pages === 0 ? '' : ` (${pagesText(pages)})`;
      return `${formatValue(events, 'count')} ${type}${of}`;
    })
    .join(', ');
}

function workLines({ request, events, eventsInAll }: RequestWork, names: Names): string[] {
  const shown = events.slice(0, ROWS_SHOWN);
  const more = eventsInAll - shown.length;
  return [
    ...eventLines([request, ...shown], names),
    ...(more > 0 ? [`    and ${countText(more, 'more event')} of the same request`] : []),
  ];
}

function blockLines(blocks: readonly PinnedBlock[]): string[] {
  if (blocks.length === 0) return ['blocks       none: it has got no pages'];
  const heads = [
    ...[numberColumn('block'), numberColumn('pages'), textColumn('split for it')],
    ...[numberColumn('pinned from'), numberColumn('until')],
  ];
  const rows = blocks
    .slice(0, ROWS_SHOWN)
    .map(({ block, pages, wasSplitForIt, fromNs, untilNs }) => [
      ...[block, pages, wasSplitForIt ? 'yes' : 'no', timeText(fromNs)],
      untilNs === undefined ? 'still' : timeText(untilNs),
    ]);
  const more = blocks.length - ROWS_SHOWN;
  return [
    `blocks       it pinned ${countText(blocks.length, 'block')}`,
    plainTable(heads, rows),
    ...(more > 0 ? [`and ${countText(more, 'more block')}: --json has all`] : []),
  ];
}
