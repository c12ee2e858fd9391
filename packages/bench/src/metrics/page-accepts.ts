import { eventSet, formulaByPlatform, pfn, TYPE } from '@decpool/model';
import { pageAccepts } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** The guest's own work for pages that become private again. */
export const pageAcceptMetrics = metricFamily({
  group: 'Pages made private',
  metrics: {
    'pages-made-private': {
      isBootApart: true,
      label: 'pages made private',
      unit: 'pages',
      formula: 'sum of the pages of all successful set_memory_encrypted()',
    },
    'page-accepts': {
      isBootApart: true,
      label: 'page accepts',
      formula: `times the guest accepts pages that became private: ${formulaByPlatform('accept')}`,
    },
  },
  measure: ({ geometry, platform }) => {
    let pages = 0;
    let accepts = 0;
    return {
      sees: eventSet('pages-encrypted', 'vm-area-encrypted'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        const isArea = type === TYPE.vmAreaEncrypted;
        if (!isArea && type !== TYPE.pagesEncrypted) return;
        const count = batch.pagesAt(row);
        pages += count;
        accepts += pageAccepts(platform, geometry, pfn(batch.pfnAt(row)), count, isArea);
      },
      values: () => ({ 'pages-made-private': pages, 'page-accepts': accepts }),
    };
  },
});
