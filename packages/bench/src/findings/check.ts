/** What a page says that its results do not. */
import type { PageLine } from './page.ts';

/** Each figure that differs, with both values, and each line whose words differ. `file`: of the page that is there. */
export function differencesOf(page: readonly PageLine[], there: string, file: string): string[] {
  const lines = there.replace(/\n$/, '').split('\n');
  const differences = page.flatMap((line, index) => {
    const found = lines[index];
    if (found === line.text) return [];
    return differencesOfLine(line, found ?? '').map((difference) => `${file}:${index + 1}: ${difference}`);
  });
  if (lines.length > page.length) {
    differences.push(`${file}:${page.length + 1}: more lines than its template gives`);
  }
  return differences;
}

function differencesOfLine({ text, template, figures }: PageLine, found: string): string[] {
  if (template.split(/\{\{.+?\}\}/).join('') === '') return cellsOf(text, found, template);
  const pattern = template
    .split(/\{\{.+?\}\}/)
    .map((literal) => literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('(.*?)');
  const values = new RegExp(`^${pattern}$`).exec(found)?.slice(1);
  if (values === undefined) return [`not the text of its template: '${found}'; expected '${text}'`];
  return figures.flatMap(({ reference, value }, at) =>
    value === values[at] ? [] : [`{{${reference}}}: the page has ${values[at]}, the results have ${value}`],
  );
}

/** Of a row of a table that is one reference: the cells that differ. */
function cellsOf(text: string, found: string, template: string): string[] {
  const [expected, own] = [text, found].map((row) => row.split(' | ').map((cell) => cell.trim()));
  if (expected.length !== own.length || expected[0] !== own[0]) {
    return [`${template}: the page has the line '${found}', the results have '${text}'`];
  }
  return expected.flatMap((cell, at) =>
    cell === own[at]
      ? []
      : [`${template}, row ${expected[0]}: the page has ${own[at]}, the results have ${cell}`],
  );
}
