/** Dependencies point one way: bench -> pool -> model. The model does no I/O and knows no RxJS. */
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
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^packages/.*/src', pathNot: '(\\.spec|/testing)\\.ts$' },
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        pathNot: '^packages/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
