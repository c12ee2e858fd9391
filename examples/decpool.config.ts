/**
 * Every setting beside its default. Copy the settings that you want to change into a decpool.config.ts in the working directory.
 * An option on the command line overrides its setting, and --no-config ignores the file. Paths are relative to the working
 * directory. See docs/cli.md.
 */
import { defineConfig } from '@decpool/bench';

export default defineConfig({
  // decpool compare: compare allocator policies on a workload or a recorded kernel trace.
  compare: {
    // Requests of a recorded kernel, gzipped or not; formats: docs/traces.md.
    trace: undefined,
    // A folder or .tar.gz of 'decpool record': its requests, memory and direct map, and the kernel's
    // counters beside the model's.
    recording: undefined,
    // The page events of the trace that are for shared memory, as in order>=1 & task=kworker*.
    shared: undefined,
    // A generated workload, as kvm-snp:cpus=16,nvme=4,seed=2 or joined, as netvsc+file-churn;
    // 'decpool workloads' lists them.
    workload: undefined,
    // Policies and policy files, separated by commas; the first is the baseline; all: every policy;
    // 'decpool policies' lists them.
    policy: ['linux-7.3', 'decpool', 'first-fit+never-return', 'gfp-decrypted', 'linux-6.12'],
    // Memory after a fresh boot (default: 4G, or what the workload needs); 4G:aged or 4G:fragmented=0.6
    // for a scattered start.
    memory: undefined,
    // NUMA nodes of the memory of --memory.
    nodes: undefined,
    // Recorded memory: a folder with buddyinfo and pagetypeinfo, a freelists v1 file, or a bundled state
    // like k73/fresh-mix-1.
    memoryState: undefined,
    // A platform, as snp or tdx: see docs/platforms.md (default: that of the workload, or snp).
    platform: undefined,
    // Re-form a 2M mapping once a block is fully private again.
    restore: false,
    // The host's page size, 4, 16 or 64: conversions are of whole granules.
    granule: 4,
    // False: a kernel without DCACHE_WORD_ACCESS: no stray reads at borders.
    wordAccess: true,
    // Chances that a set_memory_*() call fails, as in
    // decrypt=0.01,encrypt=0.01,converted=0.5,retries=1,seed=1; retries: of set_memory_encrypted()
    // (default: 1).
    faults: undefined,
    // Page allocator version: 6.x (to 6.9), 6.12 (6.10 to 6.14) or 7.x; they differ in migratetype fallback
    // and per-CPU lists (default: 7.x, or that of an exact --memory-state).
    kernel: undefined,
    // False: a page allocator without per-CPU page lists.
    pcp: true,
    // False: the page allocator empties no 2 MiB block by moving movable pages.
    compaction: true,
    // False: the page allocator reclaims no page cache that was in use at the start.
    reclaim: true,
    // Bounce buffers grow when they are full.
    swiotlbDynamic: false,
    // First placement seed, and seed of a generated workload.
    seed: 1,
    // Placement seeds to run; values are medians over them.
    seeds: 5,
    // Rows of the table: a,b,c exactly these; +a,b the usual ten and these; all every row; 'decpool
    // metrics' lists them.
    metrics: undefined,
    // The smallest and the largest value over the seeds below each value.
    ranges: false,
    // Upper bounds by an offline packing for 20,000 to 200,000 page requests; can take minutes.
    bounds: false,
    // Rank the policies by 2M splits, idle memory and host calls; show the Pareto front.
    pareto: false,
    // Threads (default: one per core).
    workers: undefined,
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
    // Exit 1 if a figure is worse than in an earlier run's results.json or folder by more than
    // --max-regress, beyond the ranges over the seeds.
    check: undefined,
    // How much worse --check lets a figure be.
    maxRegress: 5,
    // Event logs as arrow, ndjson.
    logFormat: 'arrow',
  },

  // decpool record: record what this guest does with shared memory (Linux, as root).
  record: {
    // New folder, or new file if it ends in .tar.gz.
    out: undefined,
    // Record for so long.
    seconds: undefined,
    // Collect what the kernel recorded since boot, by --print-cmdline.
    boot: false,
    // Also record every page allocation and free.
    pages: false,
    // Trace buffer of each CPU and kind of event, in KiB (default: 8192; for --pages 65536).
    bufferKb: undefined,
    // Remove what a killed recording left in the kernel.
    clean: false,
    // Print the script and record nothing.
    print: false,
    // Print words for the kernel command line, for --boot.
    printCmdline: false,
  },
  // decpool analyze: show what a trace asks for, before any policy serves it.
  analyze: {
    // Which page allocations are shared memory, as in 'order>=4 & gfp~GFP_KERNEL'.
    shared: undefined,
    // Print one JSON document.
    json: false,
  },

  // decpool report: make one HTML page of the results of a comparison.
  report: {
    // The page (default: report.html in the folder).
    out: undefined,
    // An older run, folder or results.json: show what changed since.
    against: undefined,
    // Print the figures over time as tidy CSV, one value a line, instead of the page.
    csv: false,
    // The figures of --csv (default: all): block-map, splits-2m, splits-1g, shared-idle, live, asked-for,
    // shared-blocks, lower-bound, mixed-blocks, direct-map-4k, direct-map-2m, direct-map-1g, failures,
    // occupancy, longest-free, unusable-free-index, fragmentation-index, extfrag.
    series: undefined,
  },

  // decpool sweep: run a grid of policies, inputs, memory states, platforms and seeds.
  sweep: {
    // Folder for the cells and the results.
    out: 'decpool-sweep',
    // Threads (default: one per core).
    workers: undefined,
    // Run only this fixed part of the grid, as 3/16; the folders of all parts are merged later.
    shard: undefined,
    // Have workers run the cells, by this NATS server: nats://HOST:4222; see decpool worker.
    on: undefined,
    // With --on: remove another sweep from the server first.
    replace: false,
    // Credentials for the NATS server.
    creds: undefined,
    // PEM file of the authority that signed the server's certificate.
    tlsCa: undefined,
    // PEM file of this client's certificate.
    tlsCert: undefined,
    // PEM file of the key of this client's certificate.
    tlsKey: undefined,
  },

  // decpool worker: run cells of sweeps that a NATS server has.
  worker: {
    // Cells at a time (default: one per core).
    threads: undefined,
    // Run policy files that come with a sweep: they are programs.
    allowPolicies: false,
    // Credentials for the NATS server.
    creds: undefined,
    // PEM file of the authority that signed the server's certificate.
    tlsCa: undefined,
    // PEM file of this client's certificate.
    tlsCert: undefined,
    // PEM file of the key of this client's certificate.
    tlsKey: undefined,
  },

  // decpool findings: run a sweep and fill pages with its figures.
  findings: {
    // Folder for the cells and the results of the sweep.
    sweep: 'decpool-findings',
    // The pages with references instead of figures (default: docs/findings.template.md).
    template: undefined,
    // The first page; the others are beside it.
    out: 'docs/findings.md',
    // The appendix.
    scenarios: 'docs/findings-scenarios.md',
    // Write nothing; exit 1 if page or appendix do not agree with the results.
    check: false,
    // With --check: run this many small scenarios only, and look for them in the appendix.
    subset: undefined,
    // Threads (default: one per core).
    workers: undefined,
  },

  // decpool ablation: print what each rule of decpool is worth, over a sweep.
  ablation: {
    // Folder for the cells and the results of the sweep.
    sweep: 'decpool-ablation',
    // Threads (default: one per core).
    workers: undefined,
  },

  // decpool check-policy: check that a policy keeps the rules that every policy must.
  checkPolicy: {
    // Histories to try.
    runs: 100,
    // Seed of the histories.
    seed: 1,
  },

  // decpool verify: check a log: structure, hashes, invariants, and a re-run of its requests.
  verify: {
    // Recount after every n-th event, and at the end; 0: only at the end.
    every: 65536,
    // Re-run the requests under this policy (in a fork: instead of the last policy).
    against: undefined,
    // Files of policies of your own that the log names, separated by commas.
    own: undefined,
    // False: do not re-run the requests.
    rerun: true,
  },

  // decpool recover: save the complete segments of a log that was cut off.
  recover: {
    // The new log (default: run.recovered.arrow for run.arrow).
    out: undefined,
  },

  // decpool stats: count what an event log consists of.
  stats: {
    // Print one JSON document.
    json: false,
  },

  // decpool show: show the state at any event of a log.
  show: {
    // The state after this many events.
    at: undefined,
    // The state at a simulated time, as in 1.5s, 200ms, 17us or 1200 (ns).
    time: undefined,
    // All blocks and owners.
    all: false,
    // Print one JSON document.
    json: false,
  },

  // decpool explain: explain from a log why a block was split, and what pins it.
  explain: {
    // A block, by its number: page frame number / pages per block.
    block: undefined,
    // The block, or 1G entry, that a large-page-split event split.
    split: undefined,
    // An allocation.
    allocation: undefined,
    // The state after this many events (default: the end of the log).
    at: undefined,
    // Print one JSON document.
    json: false,
  },

  // decpool splits: list the splits of a log by owner, request or block.
  splits: {
    // What a row of the table is.
    by: 'owner',
    // Print all rows, not only the first 20.
    all: false,
    // Print one JSON document.
    json: false,
  },

  // decpool step: step through an event log, forward and back.
  step: {
    // Begin after this many events.
    at: 0,
  },

  // decpool tail: print the last events of a log, and those that a run is writing.
  tail: {
    // How many of the events that are already there.
    lines: 10,
    // False: print the events that are already there, and end.
    follow: true,
  },

  // decpool fork: keep the events of a log up to a request, and serve the rest under another policy.
  fork: {
    // Files of policies of your own that the log names, separated by commas.
    own: undefined,
  },

  // decpool skip: leave one request of a log out and serve the rest again.
  skip: {
    // Files of policies of your own that the log names, separated by commas.
    own: undefined,
  },

  // decpool diff: compare two logs: first different event, metrics, blocks.
  diff: {
    // Print one JSON document.
    json: false,
  },

  // decpool convert: write an event log or a trace in another format, or a log as a Parquet table.
  convert: {
    // Of a log: ndjson, arrow or parquet, whatever the ending is.
    to: undefined,
    // Of a trace: which page allocations are shared memory, as in 'order>=4 & gfp~GFP_KERNEL'.
    shared: undefined,
  },

  // decpool query: query an event log with SQL.
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
    // Compare the page of each request, from the free lists of freelists v1 files.
    exact: false,
    // Compare how many whole blocks there are, and what they cost.
    supply: false,
    // With --exact: leave out one rule of the page allocator at a time.
    ablate: false,
    // Print one JSON document.
    json: false,
  },
});
