/** What was run, in one line. */

import { PAGE_SIZE, platformNamed } from '@decpool/model';
import { countText } from '../text/counts.ts';
import { present } from '../text/listed.ts';
import { formatValue } from '../text/units.ts';
import { faultsText } from './against.ts';
import type { Results } from './results.ts';

/** `netvsc, hyperv-vtom, k73-E1m-before, --no-pcp: 767 requests, 87.7 MiB at peak, 5 seeds`. */
export function runText(results: Results): string {
  const { input, platform, memory, seeds } = results;
  const peak = formatValue(input.peakLivePages * PAGE_SIZE, 'bytes');
  const setting = [input.name, platform.name, memory, optionsOf(results)].filter((part) => part !== '');
  const requests = formatValue(input.requests, 'count');
  return `${setting.join(', ')}: ${requests} requests, ${peak} at peak, ${countText(seeds.length, 'seed')}`;
}

/** Settings that are not the default, as options write them: they change every figure. */
function optionsOf({ platform, pageSource, faults, swiotlbDynamic }: Results): string {
  const { kernel, perCpuLists, compaction, reclaim } = pageSource ?? {};
  const granule = Number(platform['granulePages'] ?? 1) * (PAGE_SIZE / 1024);
  return present([
    platform['restore'] === true && '--restore',
    granule > PAGE_SIZE / 1024 && `--granule ${granule}`,
    isWithoutWordAccess(platform) && '--no-word-access',
    faults !== undefined && `--faults ${faultsText(faults)}`,
    kernel !== undefined && kernel !== '7.x' && `--kernel ${kernel}`,
    perCpuLists === false && '--no-pcp',
    compaction === false && '--no-compaction',
    pageSource !== undefined && reclaim !== true && '--no-reclaim',
    swiotlbDynamic && '--swiotlb-dynamic',
  ]).join(' ');
}

/** --no-word-access: the platform's own kernel makes stray reads. */
const isWithoutWordAccess = ({ name, strayRead }: Results['platform']): boolean =>
  strayRead === 'impossible' && platformNamed(name).strayRead !== 'impossible';
