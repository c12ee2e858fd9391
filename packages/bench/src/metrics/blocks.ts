import type { EventBatch } from '@decpool/model';
import { exposureSign } from './exposure-sign.ts';
import { metricFamily } from './family.ts';
import { PageTime } from './page-time.ts';

/** How many 2 MiB blocks the shared pages lie in: over time, and how many of them are mixed. */
export const blockMetrics = metricFamily({
  group: 'Shared blocks',
  metrics: {
    'blocks-touched': {
      label: 'blocks ever shared',
      formula: 'distinct 2 MiB blocks in which a page was ever shared',
    },
    'blocks-peak': {
      label: 'shared blocks, peak',
      formula: 'max over time of the 2 MiB blocks with a shared page',
    },
    'blocks-now': {
      label: 'shared blocks, end',
      formula: '2 MiB blocks with a shared page at the end',
    },
    'block-seconds': {
      label: 'shared block-seconds',
      unit: 'block-seconds',
      formula:
        'integral over time of the 2 MiB blocks with a shared page, from time 0 to the last event; exact in blocks x ns',
    },
    'mixed-peak': {
      label: 'mixed 2M ranges, peak',
      formula: 'max over time of the 2 MiB blocks with both private and shared pages',
    },
    'mixed-now': {
      label: 'mixed 2M ranges, end',
      formula: '2 MiB blocks with both private and shared pages at the end',
    },
  },
  measure: ({ geometry }) => {
    const { pagesPerBlock } = geometry;
    const shared = new Uint16Array(geometry.spanPages / pagesPerBlock);
    let now = 0;
    let mixed = 0;
    let peak = 0;
    let mixedPeak = 0;
    /** In blocks, as what it integrates. */
    const blockTime = new PageTime();
    let time = 0;

    const convert = (start: number, pages: number, sign: 1 | -1) => {
      for (let at = start, end = start + pages; at < end; ) {
        const block = Math.floor(at / pagesPerBlock);
        const to = Math.min(end, (block + 1) * pagesPerBlock);
        const before = shared[block];
        const after = before + sign * (to - at);
        shared[block] = after;
        now += Number(after > 0) - Number(before > 0);
        mixed += Number(after > 0 && after < pagesPerBlock) - Number(before > 0 && before < pagesPerBlock);
        at = to;
      }
      peak = Math.max(peak, now);
      mixedPeak = Math.max(mixedPeak, mixed);
    };

    return {
      observe(batch: EventBatch) {
        for (let row = 0; row < batch.length; row++) {
          const at = batch.timeAt(row);
          if (at > time) {
            blockTime.add(now, at - time);
            time = at;
          }
          const sign = exposureSign(batch, row);
          if (sign !== 0) convert(batch.pfnAt(row), batch.pagesAt(row), sign);
        }
      },
      values: (counters) => ({
        'blocks-touched': counters.touchedBlocks,
        'blocks-peak': peak,
        'blocks-now': now,
        'block-seconds': Number(blockTime.pageNs) / 1e9,
        'mixed-peak': mixedPeak,
        'mixed-now': mixed,
      }),
    };
  },
});
