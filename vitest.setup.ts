/** What all specs share: how many random runs a property gets. */
declare global {
  /** `runs` under `pnpm test:long`; a quarter of them, rounded up, under `pnpm test`. For properties that take seconds. */
  function randomRuns(runs: number): number;
}

const PART = process.env['DECPOOL_LONG_TESTS'] === undefined ? 4 : 1;

globalThis.randomRuns = (runs) => Math.ceil(runs / PART);
