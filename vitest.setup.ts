/** What all specs share: how many random runs a property gets. */
declare global {
  /**
   * `runs` under `pnpm test:long`; a quarter of them, rounded up, under `pnpm test`; still fewer on other versions of Node. For
   * properties that take seconds.
   */
  function randomRuns(runs: number): number;
}

const PART =
  process.env['DECPOOL_LONG_TESTS'] !== undefined
    ? 1
    : process.env['DECPOOL_SHORT_TESTS'] !== undefined
      ? 20
      : 4;

globalThis.randomRuns = (runs) => Math.ceil(runs / PART);
