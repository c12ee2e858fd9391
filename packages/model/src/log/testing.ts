/** What the specs of logs share. */
import { MIGRATETYPES } from '../migratetypes.ts';
import { SMALL, SMALL_MAP, smallMachine } from '../testing.ts';
import { type LogHeader, logHeader } from './header.ts';

export const HASH = 'a'.repeat(64);

const perType = <Value>(value: Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value])) as Record<
    (typeof MIGRATETYPES)[number],
    Value
  >;

export const header: LogHeader = logHeader({
  ...smallMachine('snp', true),
  memory: {
    name: 'small',
    zones: [
      {
        name: 'DMA',
        ram: [[0, SMALL.spanPages]],
        free: perType(new Array(11).fill(0)),
        lowWatermark: 3,
        pageblocks: perType(2),
      },
    ],
    directMap: SMALL_MAP,
  },
  policy: 'first-fit+block+immediate',
  seed: 7,
  workload: { name: 'spec "quoted" ü\n', requests: '' },
});
