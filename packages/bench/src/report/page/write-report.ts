/** A report on disk: the page, and its figures as files beside it. */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, parse } from 'node:path';
import { InputError } from '@decpool/model';
import { notWrittenText } from '../../files/error-text.ts';
import { makeFolder, writeWhole } from '../../files/folder.ts';
import { VERSION } from '../../files/version.ts';
import { clientScript } from './client-script.ts';
import { stillView, svgOf } from './draw.ts';
import { figuresOf, loggedInput } from './figures/all.ts';
import { pageHtml, prefixesOf } from './page.ts';
import type { PageInput } from './page-data.ts';
import { stillOf } from './sections/blocks.ts';

export interface Written {
  readonly file: string;
  readonly bytes: number;
}

/** px of a picture that is a file of its own: as wide as a page of text. */
const WIDTH = 900;

/** The folder of a page's figures: beside the page, and named after it. */
export const figuresFolder = (page: string): string => join(dirname(page), `${parse(page).name}-figures`);

/** Throws InputError, and changes nothing, if the page cannot be written or its figures' folder holds anything but SVG files. */
export async function writeReport(inputs: readonly PageInput[], page: string): Promise<Written[]> {
  const figures = figuresFolder(page);
  for (const folder of [figures, partialOf(figures)]) expectOfFigures(folder, page);
  const markup = pageHtml({ inputs, script: await clientScript(), version: VERSION });
  try {
    await makeFolder(dirname(page));
    writeWhole(page, markup);
    return [{ file: page, bytes: Buffer.byteLength(markup) }, ...replaceFolder(figures, filesOf(inputs))];
  } catch (error) {
    throw new InputError(notWrittenText(page, error));
  }
}

interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** Several inputs have a folder each. */
function filesOf(inputs: readonly PageInput[]): TextFile[] {
  const prefixes = prefixesOf(inputs);
  return inputs.flatMap((input, index) => {
    const view = stillView(WIDTH, input.history?.peakFrame ?? 0, true);
    const logged = loggedInput(input);
    const folder = inputs.length === 1 ? '' : prefixes[index].replace(/^input-/, '');
    return [
      ...(logged === undefined ? [] : [{ id: 'block-map', text: stillOf(logged).svg }]),
      ...figuresOf(input).map((figure) => ({ id: figure.id, text: svgOf(figure, view) })),
    ].map(({ id, text }) => ({ name: join(folder, `${id}.svg`), text }));
  });
}

const partialOf = (path: string): string => `${path}.partial`;

/** Throws InputError if the path holds anything but SVG files and folders of them. */
function expectOfFigures(path: string, page: string): void {
  const refused = (what: string) =>
    new InputError(`${path}: ${what}. The figures of ${page} go there: name another page with --out.`);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw refused('is not a folder');
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    const isOurs = entry.isDirectory() || (entry.isFile() && extname(entry.name) === '.svg');
    if (!isOurs) throw refused(`holds ${entry.name}, which is no SVG file`);
  }
}

function replaceFolder(folder: string, files: readonly TextFile[]): Written[] {
  const partial = partialOf(folder);
  rmSync(partial, { recursive: true, force: true });
  try {
    for (const { name, text } of files) {
      mkdirSync(dirname(join(partial, name)), { recursive: true });
      writeFileSync(join(partial, name), text);
    }
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return files.map(({ name, text }) => ({ file: join(folder, name), bytes: Buffer.byteLength(text) }));
}
