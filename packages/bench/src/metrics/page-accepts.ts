import { pfn, TYPE } from '@decpool/model';
import { eventSet, formulaByPlatform, pageAccepts } from '@decpool/model/internal';
import { metricFamily } from './family.ts';

/** Pages that become private again, and the guest's own work for conversions. */
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
      formula: `times the guest validates or accepts pages: ${formulaByPlatform('accept')}`,
    },
  },
  measure: ({ geometry, platform }) => {
    let pages = 0;
    let accepts = 0;
    return {
      sees: eventSet('pages-encrypted', 'pages-decrypted', 'vm-area-encrypted', 'vm-area-decrypted'),
      observe(batch, row) {
        const type = batch.typeAt(row);
        const isArea = type === TYPE.vmAreaEncrypted || type === TYPE.vmAreaDecrypted;
        const isPrivate = type === TYPE.pagesEncrypted || type === TYPE.vmAreaEncrypted;
        if (!isArea && !isPrivate && type !== TYPE.pagesDecrypted) return;
        const count = batch.pagesAt(row);
        if (isPrivate) pages += count;
        const direction = isPrivate ? 'encrypt' : 'decrypt';
        accepts += pageAccepts(platform, direction, geometry, pfn(batch.pfnAt(row)), count, isArea);
      },
      values: () => ({ 'pages-made-private': pages, 'page-accepts': accepts }),
    };
  },
});
