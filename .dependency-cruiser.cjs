/**
 * Dependencies point one way: bench -> pool -> model. The model does no I/O and knows no RxJS.
 *
 * The rooms of bench, from the roof down: a file imports from its own room and from those after it in this list.
 */
const BENCH_ROOMS = [
  // The command as it is started and published.
  'bundle',
  // The command line.
  'cli',
  // What commands do.
  'findings',
  'speed',
  'known-answers',
  'validate',
  'sweep',
  'inspect',
  'analyze',
  'convert',
  'rerun',
  // What is shown of results.
  'report',
  // Runs and their figures.
  'compare',
  'history',
  'bounds',
  'metrics',
  'policies',
  // Event logs, traces, generated requests.
  'log',
  'traces',
  'workloads',
  // Files and texts.
  'files',
  'text',
];

/** Specs that run a whole command, or a whole run, and so import from rooms above their own. */
const END_TO_END = [
  'convert/query',
  'findings/findings',
  'history/recorder',
  'log/corruption',
  'log/crash',
  'log/hostile',
  'log/log',
  'metrics/all',
  'report/page/report.browser',
  'sweep/nats/access',
  'sweep/nats/nats',
  'workloads/best-fit-block-seconds',
  'workloads/first-fit-adversary',
  'workloads/frag',
];

const inBench = (...paths) => `^packages/bench/src/(${paths.join('|')})`;

const noRoomImportsFromAbove = BENCH_ROOMS.slice(1).map((room, index) => ({
  name: `bench-${room}-imports-nothing-above-it`,
  severity: 'error',
  from: {
    path: inBench(`${room}/`),
    pathNot: inBench(...END_TO_END.map((spec) => `${spec}\\.spec\\.ts$`)),
  },
  to: { path: inBench(...BENCH_ROOMS.slice(0, index + 1).map((above) => `${above}/`)) },
}));

module.exports = {
  forbidden: [
    {
      name: 'model-is-the-bottom',
      severity: 'error',
      from: { path: '^packages/model/src', pathNot: '\\.spec\\.ts$' },
      to: { path: '^packages/(pool|bench)/|^@decpool/|^examples/|rxjs' },
    },
    {
      name: 'model-does-no-io',
      severity: 'error',
      from: { path: '^packages/model/src', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pool-knows-only-model',
      severity: 'error',
      from: { path: '^packages/pool/src' },
      to: { path: '^packages/bench/|^examples/' },
    },
    {
      name: 'pool-does-no-io',
      severity: 'error',
      from: { path: '^packages/pool/src', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'packages-do-not-know-examples',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^examples/.*\\.ts$' },
    },
    {
      name: 'examples-use-what-users-can',
      severity: 'error',
      // grades.spec.ts is no example: it checks a table of the docs.
      from: { path: '^examples/', pathNot: '^examples/grades\\.spec\\.ts$' },
      to: { path: '^packages/(model|pool)/src/internal\\.ts$' },
    },
    ...noRoomImportsFromAbove,
    {
      name: 'bench-has-only-the-rooms-listed',
      severity: 'error',
      from: { path: '^packages/bench/src/.+/' },
      to: { path: `^packages/bench/src/(?!(${BENCH_ROOMS.join('|')})/)` },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^packages/.*/src', pathNot: '(\\.spec|/testing)\\.ts$' },
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        // tsx is an optional peer, which is taken for undeclared.
        pathNot: '^packages/|/node_modules/tsx/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // What is built.
    exclude: { path: '^packages/[^/]+/dist/|^packages/decpool/(types|examples)/|^examples/consumer/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
