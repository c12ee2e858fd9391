/** Times of files that have none. Any steady interval will do; this one is easy to read in a report. */

/** ns from one request to the next. */
export const STEADY_INTERVAL = 1_000_000n;

export const STEADY_NOTE = 'The file has no times. Requests are 1 ms of simulated time apart.';
