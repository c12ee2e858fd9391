/**
 * Every setting beside its default. A decpool.config.ts in the working directory says what options are where a command does not:
 * copy what you want otherwise. An option in a command goes before a setting, --no-config leaves all of them out, and
 * paths are those of the working directory. docs/cli.md has the rest.
 */
import { defineConfig } from '@decpool/bench';

export default defineConfig({
  // decpool compare: compare allocator policies on a workload or a recorded kernel trace.
  compare: {
    // Requests of a recorded kernel, gzipped or not; formats: docs/traces.md.
    trace: undefined,
    // The page events of the trace that are for shared memory, as in order>=1 & task=kworker*.
    shared: undefined,
    // A generated workload; 'decpool workloads' lists them.
    workload: undefined,
    // Policies and policy files, separated by commas; the first is the baseline; all: every policy; 'decpool
    // policies' lists them.
    policy: ['linux-7.3', 'longest-free-range', 'first-fit+never-return', 'gfp-decrypted', 'linux-6.12'],
    // Memory after a fresh boot (default: 4G, or what the workload needs); 4G:aged or 4G:fragmented=0.6 for a
    // scattered start.
    memory: undefined,
    // NUMA nodes of the memory of --memory.
    nodes: undefined,
    // Recorded memory: a folder with buddyinfo and pagetypeinfo.
    memoryState: undefined,
    // Snp, tdx, hyperv-vtom, cca, cca-bbml3, pkvm, none (default: the platform of the workload, or snp).
    platform: undefined,
    // Re-form a 2M mapping once a block is fully private again.
    restore: false,
    // The host's page size, 4, 16 or 64: conversions are of whole granules.
    granule: 4,
    // False: a kernel without DCACHE_WORD_ACCESS: no stray reads at borders.
    wordAccess: true,
    // Chances that a set_memory_*() call fails, as in
    // decrypt=0.01,encrypt=0.01,converted=0.5,retries=1,seed=1; retries: of set_memory_encrypted() (default:
    // 1).
    faults: undefined,
    // Page allocator version, 6.x or 7.x: they differ in migratetype fallback (default: 6.x).
    kernel: undefined,
    // Per-CPU page lists in the page allocator.
    pcp: false,
    // The page allocator may empty a 2 MiB block by moving movable pages.
    compaction: false,
    // Bounce buffers grow when they are full.
    swiotlbDynamic: false,
    // First placement seed, and seed of a generated workload.
    seed: 1,
    // Placement seeds to run; values are medians over them.
    seeds: 5,
    // Rows of the table: a,b,c exactly these; +a,b the usual ten and these; all every row; 'decpool metrics'
    // lists them.
    metrics: undefined,
    // The smallest and the largest value over the seeds below each value.
    ranges: false,
    // Upper bounds by an offline packing for 20,000 to 200,000 page requests; can take minutes.
    bounds: false,
    // Rank the policies by 2M splits, idle memory and host calls; show the Pareto front.
    pareto: false,
    // Folder for results: a folder per input.
    out: 'decpool-results',
    // A map of memory in plain characters: policies at peak, or each policy over time.
    map: undefined,
    // Print each report.md and nothing else: at most 40 lines of 72 columns.
    mail: false,
    // Print results as JSON and nothing else: a document per line and input (docs/schemas).
    json: false,
    // Print results as tidy CSV and nothing else: a value per line.
    csv: false,
    // Exit 1 if a figure is worse than in an earlier run's results.json or folder by more than --max-regress,
    // beyond the ranges over the seeds.
    check: undefined,
    // How much worse --check lets a figure be.
    maxRegress: 5,
    // Event logs as arrow, ndjson.
    logFormat: 'arrow',
  },

  // decpool report: make one HTML file of the results of a comparison.
  report: {
    // The page; report.html in the folder unless told.
    out: undefined,
    // An older run, folder or results.json: what became of each figure.
    against: undefined,
    // Instead of the page, what it shows over time on standard output as tidy CSV: a value a line, and nothing else there.
    csv: false,
    // Which of it, separated by commas; all unless told: block-map, splits-2m, splits-1g, shared-idle,
    // live, asked-for, shared-blocks, lower-bound, mixed-blocks, direct-map-4k, direct-map-2m, direct-map-1g, failures, occupancy, longest-free, unusable-free-index, fragmentation-index, extfrag.
    series: undefined,
  },

  // decpool sweep: run a grid of policies, inputs, memory states, platforms and seeds.
  sweep: {
    // Folder for the cells and the results.
    out: 'decpool-sweep',
    // Threads; as many as there are cores unless told.
    workers: undefined,
  },

  // decpool findings: run a sweep and write what it says as docs/findings.md.
  findings: {
    // Folder for the cells and the results of the sweep.
    sweep: 'decpool-findings',
    // The page.
    out: 'docs/findings.md',
    // Threads; as many as there are cores unless told.
    workers: undefined,
  },

  // decpool check-policy: check that a policy keeps the rules that every policy must.
  checkPolicy: {
    // Histories to try.
    runs: 100,
    // Seed of the histories.
    seed: 1,
  },

  // decpool verify: check a log: structure, hashes, invariants, and that its requests give its events again.
  verify: {
    // Recount after every n-th event, and at the end; 0: only there.
    every: 65536,
    // Make the requests again under this policy instead, as after editing its file; of a fork, instead of
    // the last one.
    against: undefined,
    // Files of policies of your own that the log names, separated by commas.
    own: undefined,
    // False: do not make the requests again.
    rerun: true,
  },

  // decpool recover: save the whole part of a log that was cut off.
  recover: {
    // The new log; run.recovered.arrow unless told.
    out: undefined,
  },

  // decpool stats: count what an event log consists of.
  stats: {
    // Print one JSON document.
    json: false,
  },

  // decpool show: show the state at any event of a log.
  show: {
    // The state after so many events.
    at: undefined,
    // The state at a simulated time, as in 1.5s, 200ms, 17us or 1200 (ns).
    time: undefined,
    // All blocks and owners.
    all: false,
    // Print one JSON document, with all blocks and owners.
    json: false,
  },

  // decpool explain: tell from a log why a block was split, and what keeps it.
  explain: {
    // A block, as show numbers them: page frame number / pages per block.
    block: undefined,
    // The block, or 1G entry, that a large-page-split event split.
    split: undefined,
    // An allocation.
    allocation: undefined,
    // The state after so many events (default: the end of the log).
    at: undefined,
    // Print one JSON document.
    json: false,
  },

  // decpool splits: list the splits of a log by owner, request or block.
  splits: {
    // What a row of the table is: owner, request or block.
    by: 'owner',
    // Print all rows, not only the first 20.
    all: false,
    // Print one JSON document, with every split.
    json: false,
  },

  // decpool step: step through an event log, forward and back.
  step: {
    // Begin after so many events.
    at: 0,
  },

  // decpool tail: print the last events of a log, and those that a run is writing.
  tail: {
    // Events to print of those that are there already.
    lines: 10,
    // False: print what is there, and end.
    follow: true,
  },

  // decpool fork: keep the history of a log up to an event, and serve the rest under another policy.
  fork: {
    // Files of policies of your own that the log names, separated by commas.
    own: undefined,
  },

  // decpool skip: leave one request of a log out and serve the rest again.
  skip: {
    // Files of policies of your own that the log names, separated by commas.
    own: undefined,
  },

  // decpool diff: compare two logs: where they part, what they come to, which blocks differ.
  diff: {
    // As JSON.
    json: false,
  },

  // decpool convert: write an event log in another format, or as a Parquet table.
  convert: {
    // The format: ndjson, arrow or parquet, whatever the ending says.
    to: undefined,
  },

  // decpool query: ask an event log with SQL.
  query: {
    // Print an array with an object per row.
    json: false,
    // Print CSV with a line of column names.
    csv: false,
  },

  // decpool validate: check the models against recordings of real kernels.
  validate: {
    // Compare the page source, from the memory state before each run.
    scatter: false,
  },
});
