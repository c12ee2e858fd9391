/** `decpool --help` of a bundle, which was written when the bundle was made. */
import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { resourceUrl } from '../files/resource.ts';
import type { Output } from './output.ts';
import { type Page, pageText } from './page.ts';

export function bundledHelp({ columns, isColoured }: Output): string {
  const page: Page = JSON.parse(readFileSync(resourceUrl('help.json'), 'utf8'));
  return pageText(page, columns, (title) => (isColoured ? styleText('bold', title) : title));
}
