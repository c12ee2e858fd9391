/** README.md repeats a few figures of docs/findings.md, which `decpool findings` fills in. `UPDATE_DOCS=1` copies them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const README = fileURLToPath(new URL('../../../../README.md', import.meta.url));
const FINDINGS = fileURLToPath(new URL('../../../../docs/findings.md', import.meta.url));

/** A sentence of README and the place of its figure in the findings. Line breaks are spaces. */
const FIGURES: readonly (readonly [readme: RegExp, findings: RegExp])[] = [
  [/In ([\d,]+) of the [\d,]+ scenarios of \[/, /nothing is converted in ([\d,]+) of/],
  [/of the ([\d,]+) scenarios of \[docs\/findings\.md\]/, /refuses fewest, of ([\d,]+) \|/],
  [
    /In the ([\d,]+) others with whole blocks `decpool` splits nothing/,
    /if whole blocks are free \(([\d,]+) of/,
  ],
  [
    /In the ([\d,]+) others with whole blocks `decpool` splits nothing/,
    /if whole blocks are free \([\d,]+ of ([\d,]+) scenarios/,
  ],
  [/Linux 7\.3 splits a median of ([\d.,]+) mappings there/, /\), instead of ([\d.,]+) \(/],
];

const matchIn = (text: string, pattern: RegExp): RegExpExecArray => {
  const spaced = new RegExp(pattern.source.replaceAll(' ', '\\s+'), 'd');
  const match = spaced.exec(text);
  if (match === null) throw new Error(`no text is like ${pattern}`);
  return match;
};

describe('README.md', () => {
  it.each(FIGURES)('%s is what the findings say', (readme, findings) => {
    const text = readFileSync(README, 'utf8');
    const [, expected] = matchIn(readFileSync(FINDINGS, 'utf8'), findings);
    const own = matchIn(text, readme);
    if (process.env['UPDATE_DOCS'] !== undefined) {
      const [from, to] = own.indices?.[1] ?? [0, 0];
      writeFileSync(README, `${text.slice(0, from)}${expected}${text.slice(to)}`);
    } else expect(own[1]).toBe(expected);
  });
});
