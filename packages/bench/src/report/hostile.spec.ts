/** Names come from traces and logs: whatever they are, they are text. */
import { beforeAll, expect, it } from 'vitest';
import { spreadOf } from '../compare/spread.ts';
import { deltasText } from './against-text.ts';
import { comparisonSvg } from './chart.ts';
import { mailText } from './mail.ts';
import { type Results, resultsOf } from './results.ts';
import { comparisonText } from './terminal.ts';
import { tinyComparison } from './testing.ts';

const HOSTILE = 'evil\u001b[2J\u0007\n<img src=x onerror=alert(1)> `x` | [a](b) \u202e';
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not come through.
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

let results: Results;
beforeAll(async () => {
  const plain = resultsOf(await tinyComparison(), 'decpool compare');
  results = {
    ...plain,
    input: { ...plain.input, name: HOSTILE },
    memory: HOSTILE,
    facts: [['input', HOSTILE]],
    cautions: [HOSTILE],
    notes: [HOSTILE],
    metrics: plain.metrics.map((metric, index) => (index === 0 ? { ...metric, label: HOSTILE } : metric)),
  };
});

it('a terminal gets no control characters, and no line that is not ours', () => {
  const text = comparisonText(results, { columns: 100, isColoured: false });
  expect(text).not.toMatch(CONTROL);
  expect(text).toContain('evil\\u001b[2J\\u0007\\u000a<img');
  const [metric] = results.metrics;
  const one = spreadOf([1]);
  const delta = { policy: HOSTILE, metric, before: one, now: one, percent: 0, change: '=' };
  expect(deltasText([delta], { columns: 100, isColoured: false })).not.toMatch(CONTROL);
});

it('a mail, which is Markdown too, gets neither tags nor links', () => {
  const mail = mailText(results);
  expect(mail).not.toMatch(CONTROL);
  const prose = mail.split('\n').filter((line) => !line.startsWith('    '));
  expect(prose.join('\n')).toContain('evil');
  expect(prose.join('\n')).not.toMatch(/(?<!\\)<img|(?<!\\)\[a/);
});

it('a picture gets no character that XML does not know', () => {
  expect(comparisonSvg(results)).not.toMatch(CONTROL);
  expect(comparisonSvg(results)).not.toContain('<img');
});
