/** A report on disk: the page, and its figures as files beside it. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { makeFolder } from '../../cli/results-folder.ts';
import { VERSION } from '../../version.ts';
import { clientScript } from './bundle.ts';
import { stillView, svgOf } from './draw.ts';
import { figuresOf, toldOf } from './figures/all.ts';
import { pageHtml, prefixesOf } from './page.ts';
import type { PageInput } from './page-data.ts';
import { stillOf } from './sections/blocks.ts';

export interface Written {
  readonly file: string;
  readonly bytes: number;
}

/** px of a picture that stands alone: as wide as a page of text. */
const WIDTH = 900;

/** Throws InputError where the disk refuses; what was there before is left as it was then. */
export async function writeReport(inputs: readonly PageInput[], page: string): Promise<Written[]> {
  const markup = pageHtml({ inputs, script: await clientScript(), version: VERSION });
  const figures = join(dirname(page), 'figures');
  try {
    await makeFolder(dirname(page));
    return [writeWhole(page, markup), ...replaceFolder(figures, filesOf(inputs))];
  } catch (error) {
    throw new InputError(`${page}: cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}

/** Of several inputs, each has a folder. */
function filesOf(inputs: readonly PageInput[]): { readonly name: string; readonly text: string }[] {
  const prefixes = prefixesOf(inputs);
  return inputs.flatMap((input, index) =>
    picturesOf(input).map(({ id, svg }) => ({
      name: join(inputs.length === 1 ? '' : prefixes[index].replace(/^input-/, ''), `${id}.svg`),
      text: svg,
    })),
  );
}

function picturesOf(input: PageInput): { readonly id: string; readonly svg: string }[] {
  const view = stillView(WIDTH, input.history?.peakFrame ?? 0, true);
  const told = toldOf(input);
  return [
    ...(told === undefined ? [] : [{ id: 'block-map', svg: stillOf(told).svg }]),
    ...figuresOf(input).map((figure) => ({ id: figure.id, svg: svgOf(figure, view) })),
  ];
}

function writeWhole(file: string, text: string): Written {
  const partial = `${file}.partial`;
  writeFileSync(partial, text);
  renameSync(partial, file);
  return { file, bytes: Buffer.byteLength(text) };
}

function replaceFolder(
  folder: string,
  files: readonly { readonly name: string; readonly text: string }[],
): Written[] {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  for (const { name, text } of files) {
    mkdirSync(dirname(join(partial, name)), { recursive: true });
    writeFileSync(join(partial, name), text);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return files.map(({ name, text }) => ({ file: join(folder, name), bytes: Buffer.byteLength(text) }));
}
