import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { messageOf } from '../../files/error-text.ts';
import { shippedPath } from '../../files/resource.ts';
import type { FilledPage } from '../../findings/page.ts';
import { command, file, fileArgument, flag, number } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { exitCodeOf, interruptible } from '../interrupt.ts';
import { WORKERS } from '../options.ts';
import type { Output } from '../output.ts';
import { sweep } from './sweep.ts';

const TEMPLATE = 'docs/findings.template.md';
const OUT = 'docs/findings.md';
const SCENARIOS = 'docs/findings-scenarios.md';

/** The page to check: by default that of the package, in a folder that has none. */
const checkedPath = (path: string, byDefault: string): string =>
  path === byDefault && !existsSync(path) ? shippedPath(path) : path;

export const findings = command({
  name: 'findings',
  summary: 'run a sweep and fill pages with its figures',
  description:
    'Runs the cells of a sweep that are not done yet, as the command sweep does. Fills pages that are written by hand with the figures that they refer to, and writes an appendix with the figures of each scenario.',
  arguments: {
    definition: fileArgument('<definition>', 'JSON file of a sweep with decpool among its policies'),
  },
  options: {
    sweep: file('--sweep <dir>', 'folder for the cells and the results of the sweep', {
      default: 'decpool-findings',
    }),
    template: file(
      '--template <file>',
      'the pages with references instead of figures (default: docs/findings.template.md)',
    ),
    out: file('--out <file>', 'the first page; the others are beside it', { default: OUT }),
    scenarios: file('--scenarios <file>', 'the appendix', { default: SCENARIOS }),
    check: flag('--check', 'write nothing; exit 1 if page or appendix do not agree with the results'),
    subset: number(
      '--subset <n>',
      'with --check: run this many small scenarios only, and look for them in the appendix',
      {
        from: 1,
        to: 1000,
      },
    ),
    workers: WORKERS,
  },
  different: 'With --check: the page or the appendix does not agree with the results.',
  examples: [
    'decpool findings examples/sweeps/findings.json',
    'decpool findings examples/sweeps/findings.json --check --subset 6',
  ],
  seeAlso: 'decpool sweep; docs/findings.md, docs/sweeps.md',
  async run(
    { definition, sweep: folder, template = shippedPath(TEMPLATE), out, scenarios, check, subset, workers },
    context,
  ) {
    const { readText } = await import('../../files/read-text.ts');
    const [{ filledPages, textOf }, { appendix }, { gridOf }, { readSweepResults }, { differencesOf }] =
      await Promise.all([
        import('../../findings/page.ts'),
        import('../../findings/appendix.ts'),
        import('../../findings/grid.ts'),
        import('../../sweep/results.ts'),
        import('../../findings/check.ts'),
      ]);
    const { output } = context;
    if (subset !== undefined) {
      if (!check) throw new InputError('--subset: needs --check; a page needs the whole sweep');
      return checkSubset(definition, subset, checkedPath(scenarios, SCENARIOS), workers, output);
    }
    const code = await sweep.run(
      { definition, out: folder, ...(workers === undefined ? {} : { workers }) },
      context,
    );
    if (code !== EXIT.done) return code;
    const grid = gridOf(readSweepResults(`${folder}/results.json`));
    const pages = filledPages(readText(template), template, grid);
    const first = check ? checkedPath(out, OUT) : out;
    const fileOf = ({ name }: FilledPage) => (name === undefined ? first : join(dirname(first), name));
    const rest = appendix(grid, `decpool findings ${definition}`);
    if (!check) {
      for (const page of pages) await write(fileOf(page), textOf(page));
      await write(scenarios, rest);
      output.write(`written      ${[...pages.map(fileOf), scenarios].join('\nwritten      ')}\n`);
      return EXIT.done;
    }
    const lines = rest.replace(/\n$/, '').split('\n');
    const appended = checkedPath(scenarios, SCENARIOS);
    return report(
      [
        ...pages.flatMap((page) => differencesOf(page.lines, readText(fileOf(page)), fileOf(page))),
        ...differencesOf(
          lines.map((text) => ({ text, template: '', figures: [] })),
          readText(appended),
          appended,
        ),
      ],
      `${pages.map(fileOf).join(', ')} and ${appended} agree with the results`,
      output,
    );
  },
});

async function write(path: string, text: string): Promise<void> {
  const { makeFolder, writeWhole } = await import('../../files/folder.ts');
  try {
    await makeFolder(dirname(path));
    writeWhole(path, text);
  } catch (error) {
    throw new InputError(`${path}: cannot be written: ${messageOf(error)}`);
  }
}

async function checkSubset(
  definition: string,
  subset: number,
  scenarios: string,
  workers = availableParallelism(),
  output: Output,
): Promise<number> {
  const { missingLines, runSubset } = await import('../../findings/subset.ts');
  const { readText } = await import('../../files/read-text.ts');
  const appendix = readText(scenarios);
  return interruptible(async (signal) => {
    const ran = await runSubset(definition, subset, { workers, signal });
    if (ran === undefined) return exitCodeOf(signal);
    const names = ran.map(({ input, platform, memory }) => `${input} on ${platform}, ${memory}`);
    output.write(`ran          ${names.join('\nran          ')}\n`);
    const differences = ran.flatMap((scenario, at) =>
      missingLines(scenario, appendix).map(
        (line) => `${scenarios}: ${names[at]}: the results have the line '${line}'; the appendix does not`,
      ),
    );
    return report(differences, `${scenarios} agrees with ${ran.length} scenarios`, output);
  });
}

function report(differences: readonly string[], agreed: string, output: Output): number {
  output.write(differences.length === 0 ? `checked      ${agreed}\n` : `${differences.join('\n')}\n`);
  return differences.length === 0 ? EXIT.done : EXIT.different;
}
