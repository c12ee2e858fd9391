/** Runs in which the model is known not to give every page of the kernel, by kernel and run as the file's first line has them. */
interface KnownDifference {
  /** Pages that are the kernel's at least: of the sequence's own requests, of others'. Left out: all. */
  readonly own?: number;
  readonly others?: number;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: Readonly<Record<string, KnownDifference>> = {
  '6.1.0-56-amd64 aged-mix-2': {
    own: 897,
    reason:
      'kcompactd moves pages, and isolated pages have no event; pages freed in batches were recorded without their times',
  },
  '6.1.0-56-amd64 aged-netvsc-7': {
    own: 45,
    reason: 'kswapd works beside the sequence, and pages freed in batches were recorded without their times',
  },
  '6.1.0-56-amd64 churn-mix-2': {
    others: 4127,
    reason: 'tasks on two CPUs race for the zone: 25 of their pages are given in another order',
  },
  '6.12.95+deb12-amd64 low-mix-10': {
    own: 742,
    reason: 'kswapd works on the other CPU, and no event shows when it sets and clears RECLAIM_ACTIVE',
  },
  '7.3.4+deb13-amd64 holes-order0-1': {
    own: 1976,
    reason: 'an interrupt frees pages one request earlier or later than the trace says',
  },
  '7.3.4+deb13-amd64 convert-holes-order0-5': {
    own: 789,
    reason: 'an interrupt frees pages one request earlier or later than the trace says',
  },
};
