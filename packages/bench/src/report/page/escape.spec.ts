import { expect, it } from 'vitest';
import { chartText, html, shellWord, slug } from './escape.ts';
import { HOSTILE } from './testing.ts';

it('text in a template cannot become markup, nor leave an attribute, nor turn lines around', () => {
  const { markup } = html`<p title="${HOSTILE}">${HOSTILE}</p>`;
  expect(markup.match(/[<>"]/g)).toEqual(['<', '"', '"', '>', '<', '>']);
  expect(markup).toContain('\\u202e');
});

it('markup made by a template stays markup; nothing stands for what is missing', () => {
  expect(html`${[html`<b>${'&'}</b>`, 1]}${undefined}${false}`.markup).toBe('<b>&amp;</b>1');
});

it('text in a chart cannot be a style or a value of a template', () => {
  expect(chartText('{red|x}')).toBe('(red/x)');
});

it('names become ids, and words of a shell', () => {
  expect(slug('a b</script>')).toBe('a-b-script-');
  expect(shellWord('logs/first-fit+block.arrow')).toBe('logs/first-fit+block.arrow');
  expect(shellWord('-rf/a.arrow')).toBe('./-rf/a.arrow');
  expect(shellWord("a'b")).toBe(`'a'\\''b'`);
});
