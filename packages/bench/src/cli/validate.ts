import Table from 'cli-table3';
import { type ValidationResult, validateRecording } from '../validate/validate.ts';

/**
 * `decpool validate`: replays recordings of real kernels through the model and writes what was compared.
 * Resolves to the exit code: 0, or 1 when a kernel did otherwise than the model. Throws InputError for a file that
 * is missing or malformed.
 */
export async function validateCommand(files: string[], write: (text: string) => void): Promise<number> {
  const results = files.map(validateRecording);
  const table = new Table({
    head: [
      'file',
      'kernel',
      'rows',
      'conversions',
      'by drivers',
      'map points',
      'splits 2M/1G',
      'collapses 2M/1G',
      'compared',
      'mismatches',
    ],
    colAligns: ['left', 'left', ...Array(8).fill('right')],
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) table.push(cells(result));
  write(`${table.toString()}\n`);
  write(`${notCompared(results)}\n`);

  const failing = results.filter((result) => result.mismatches > 0);
  for (const { file, firstMismatch: first } of failing) {
    if (first === undefined) continue;
    write(`\n${file}:${first.line}: ${first.what}\n  kernel: ${first.kernel}\n  model:  ${first.model}\n`);
  }
  return failing.length === 0 ? 0 : 1;
}

function cells(result: ValidationResult): (string | number)[] {
  const { splits2M, splits1G, collapses2M, collapses1G } = result.changes;
  return [
    result.file,
    result.kernel,
    result.rows,
    result.conversions,
    result.driverConversions,
    result.mapPoints,
    `${splits2M}/${splits1G}`,
    `${collapses2M}/${collapses1G}`,
    result.comparisons,
    result.mismatches,
  ];
}

function notCompared(results: readonly ValidationResult[]): string {
  const total = (pick: (result: ValidationResult['notCompared']) => number) =>
    results.reduce((count, result) => count + pick(result.notCompared), 0);
  return (
    `Not compared: rows before the first #map (${total((n) => n.rowsBeforeStart)}), ` +
    `levels in rows that sum up an area (${total((n) => n.rowsWithoutLevels)}), ` +
    `flags of 4K runs in #map (${total((n) => n.runsWithoutFlags)})`
  );
}
