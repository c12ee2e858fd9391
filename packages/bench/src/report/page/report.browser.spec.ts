/** The report of the default comparison, made by the command and opened in a real browser. */

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InputOptions, prepareInputs } from '../../cli/inputs.ts';
import { anyProgram } from '../../cli/testing.ts';
import { KEY_METRICS } from '../../metrics/key-metrics.ts';
import type { MetricId } from '../../metrics/metric.ts';
import { readResults } from '../read-results.ts';
import { type Results, resultsText } from '../results.ts';
import { HAS_BROWSER, launchBrowser, openPage, type Watched } from './testing-browser.ts';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/**
 * Hidden inputs are not looked at, and rows of a table are alike: the first of them will do. Without the others in the page the check
 * takes a quarter of the time.
 */
const leaveOnly = (input: string) =>
  `window.taken = [...document.querySelectorAll('article:not([id="input-${input}"]), tbody tr:nth-child(n+9)')].map((other) => {
    const mark = document.createComment('');
    other.replaceWith(mark);
    return () => mark.replaceWith(other);
  })`;
const PUT_BACK = 'for (const putBack of window.taken.reverse()) putBack()';
const axeRun = (options: object) =>
  `axe.run(document, ${JSON.stringify({ resultTypes: ['violations'], selectors: false, ...options })})`;
const INPUTS = ['netvsc', 'seqmix', 'k61-E7cc.dma_requests'];
/** The folder for pictures, if they are wanted; report.png is for the README. */
const PICTURES = process.env['DECPOOL_SCREENSHOTS'];

const decpool = (...args: string[]) =>
  execFileSync(process.execPath, [join(ROOT, 'packages/bench/bin/decpool.js'), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage });
}

/** Scrolls to every figure: charts are drawn when they come into view. */
async function lookAtFigures(within: Locator | Page): Promise<void> {
  for (const figure of await within.locator('figure').filter({ visible: true }).all()) {
    await figure.scrollIntoViewIfNeeded();
  }
}

/** One of the data attributes of each. */
const dataOf = async (found: Locator, name: string) =>
  Promise.all((await found.all()).map((one) => one.getAttribute(`data-${name}`)));

describe.skipIf(!HAS_BROWSER)('the report in a browser', () => {
  let folder = '';
  let browser: Browser;
  let watched: Watched;
  const url = (file = 'results/report.html', hash = '') => `${pathToFileURL(join(folder, file))}${hash}`;
  const article = (page: Page, input: string) => page.locator(`article[id="input-${input}"]`);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-report-'));
    // The picture in the README is of the default comparison; fewer seeds give as many figures.
    const seeds = PICTURES === undefined ? ['--seeds', '2'] : [];
    decpool('compare', ...seeds, '--out', join(folder, 'results'));
    decpool('report', join(folder, 'results'));
    browser = await launchBrowser();
    watched = await openPage(browser, url());
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function showInput(page: Page, input: string): Promise<Locator> {
    await page.evaluate(`location.hash = ${JSON.stringify(`input-${input}`)}`);
    const shown = article(page, input);
    await shown.locator('canvas[data-frame]').nth(1).waitFor();
    return shown;
  }

  it('is one file of less than 5 MB, with its figures as SVG files beside it', () => {
    expect(statSync(join(folder, 'results/report.html')).size).toBeLessThan(5e6);
    for (const input of INPUTS) {
      const figures = readdirSync(join(folder, 'results/report-figures', input));
      expect(figures.length).toBeGreaterThan(8);
      for (const figure of figures) expect(figure).toMatch(/\.svg$/);
    }
  });

  it('opens from disk without complaints and without network requests', async () => {
    for (const input of INPUTS) {
      const shown = await showInput(watched.page, input);
      await lookAtFigures(shown);
    }
    expect(watched.complaints).toEqual([]);
    // The page itself, and the pictures in it.
    expect(watched.requests.filter((request) => !request.startsWith('data:'))).toEqual([url()]);
  });

  it('begins with a verdict over all inputs and has them in the order of decpool compare: the most telling first', async () => {
    const { page } = watched;
    const compare = anyProgram().commands.find((command) => command.name() === 'compare')!;
    const bundled = await prepareInputs(compare.opts<InputOptions>());
    expect(bundled.map(({ name }) => name)).toEqual(INPUTS);
    const links = async (within: string) =>
      Promise.all((await page.locator(`${within} a`).all()).map((link) => link.getAttribute('href')));
    const wanted = INPUTS.map((input) => `#input-${input}`);
    expect(await links('nav.inputs')).toEqual(wanted);
    expect(await links('#overall')).toEqual(wanted);
    expect(await page.evaluate("document.querySelector('main').firstElementChild.id")).toBe('overall');
    for (const { results } of readResults(join(folder, 'results'))) {
      const row = page.locator(`#overall tr[data-input="${results.input.name}"]`);
      expect(await row.textContent()).toContain(results.ranking.ranked[0].policies[0]);
    }
  });

  it('shows an input when its line in the verdict is clicked', async () => {
    const { page } = watched;
    await page.locator('#overall').getByRole('link', { name: 'seqmix' }).click();
    await expect.poll(() => article(page, 'seqmix').isVisible()).toBe(true);
    expect(await article(page, 'netvsc').isVisible()).toBe(false);
    expect(await page.locator('#overall').isVisible()).toBe(true);
  });

  it('shows the ten key metrics, and all rows on demand, with those of waiting requests', async () => {
    const shown = await showInput(watched.page, 'netvsc');
    const rows = shown.locator('.comparison tbody tr').filter({ visible: true });
    const metricsOf = async () =>
      Promise.all((await rows.all()).map((row) => row.locator('td').first().getAttribute('data-metric')));
    expect(await metricsOf()).toEqual(KEY_METRICS);
    const toggle = shown.locator('section[id$="-summary"] .toggle button');
    await toggle.click();
    const all = await metricsOf();
    expect(all.slice(0, KEY_METRICS.length)).toEqual(KEY_METRICS);
    expect(all).toContain('waited-share');
    expect(all).toContain('host-calls-most');
    expect(all).toHaveLength(Number(await toggle.getAttribute('data-rows')));
    await toggle.click();
    expect(await metricsOf()).toEqual(KEY_METRICS);
  });

  it('shows the first ten owners, and all on demand', async () => {
    const shown = await showInput(watched.page, 'netvsc');
    const owners = shown.locator('.owners').filter({ visible: true });
    const rows = owners.locator('tbody tr').filter({ visible: true });
    expect(await rows.count()).toBe(10);
    const toggle = owners.locator('.toggle button');
    await toggle.click();
    expect(await rows.count()).toBe(Number(await toggle.getAttribute('data-rows')));
  });

  it('begins the block map with the baseline and a policy with another picture', async () => {
    for (const { results } of readResults(join(folder, 'results'))) {
      const shown = await showInput(watched.page, results.input.name);
      await shown.getByRole('button', { name: 'To peak' }).click();
      const [left, right] = await dataOf(shown.locator('canvas[data-policy]'), 'policy');
      expect(left).toBe(results.policies[0].policy);
      expect(right).not.toBe(left);
      const counts = await watched.page.evaluate<string[][]>(
        `[...document.querySelectorAll(${JSON.stringify(`article[id="input-${results.input.name}"] .block-map-legend tbody tr`)})].map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))`,
      );
      expect(counts.map(([first]) => first)).not.toEqual(counts.map(([, second]) => second));
    }
  });

  it('has the figures of results.json in its tables', async () => {
    for (const { results } of readResults(join(folder, 'results'))) {
      const cells = await watched.page.evaluate<{ metric: MetricId; policy: string; value: string }[]>(
        `[...document.querySelectorAll(${JSON.stringify(`article[id="input-${results.input.name}"] td[data-metric]`)})].map((cell) => ({ ...cell.dataset }))`,
      );
      expect(cells.length).toBeGreaterThan(5 * 20);
      for (const { metric, policy, value } of cells) {
        const stored = results.policies.find(({ policy: name }) => name === policy);
        expect(Number(value), `${metric} of ${policy}`).toBe(stored?.metrics[metric].median);
      }
    }
  });

  it('moves both maps in step with the slider', async () => {
    const shown = await showInput(watched.page, 'netvsc');
    const slider = shown.getByRole('slider', { name: 'Time' });
    const maps = shown.locator('canvas[data-policy]');
    const last = Number(await slider.getAttribute('max'));
    expect(last).toBeGreaterThan(300);
    const pictures = new Set<string>();
    for (const frame of [0, 1, Math.floor(last / 3), last - 1, last]) {
      await slider.fill(String(frame));
      await expect.poll(() => dataOf(maps, 'frame')).toEqual([String(frame), String(frame)]);
      pictures.add((await maps.first().screenshot()).toString('base64'));
    }
    // Little may change with the first or the last request; much changes from boot to the middle.
    expect(pictures.size).toBeGreaterThanOrEqual(3);
  });

  it('shows on the map, at the end, as many shared blocks as the run had, and those of the boot pools', async () => {
    const shown = await showInput(watched.page, 'netvsc');
    await shown.getByRole('button', { name: 'To end' }).click();
    const [netvsc] = readResults(join(folder, 'results/netvsc'));
    for (const side of await shown.locator('.block-map-side').all()) {
      await side.locator('summary').click();
      const name = await side.locator('canvas').getAttribute('data-policy');
      const rows = side.locator('table tbody tr');
      const blocks = netvsc.results.policies.find(({ policy }) => policy === name)?.metrics['blocks-now']
        .values[0];
      // 256 MiB of bounce buffers, and up to three blocks of the atomic DMA pools, in which others may have pages, too.
      await expect.poll(async () => (await rows.count()) - Number(blocks)).toBeGreaterThanOrEqual(128);
      expect((await rows.count()) - Number(blocks)).toBeLessThanOrEqual(131);
      await side.locator('summary').click();
    }
  });

  it('can be used by keyboard: the slider steps, and the map shows the facts of a block', async () => {
    const shown = await showInput(watched.page, 'netvsc');
    const slider = shown.getByRole('slider', { name: 'Time' });
    await slider.fill('100');
    await slider.press('ArrowRight');
    await expect.poll(() => slider.inputValue()).toBe('101');
    const map = shown.locator('canvas[data-policy]').first();
    await map.focus();
    await map.press('Home');
    await expect
      .poll(() => shown.locator('[aria-live=polite]').first().textContent())
      .toMatch(/Block \d+: pfns /);
  });

  it('plays to the end, and pauses', async () => {
    const shown = await showInput(watched.page, 'k61-E7cc.dma_requests');
    const slider = shown.getByRole('slider', { name: 'Time' });
    await slider.fill('0');
    await shown.getByRole('button', { name: 'Play' }).click();
    await expect.poll(async () => Number(await slider.inputValue())).toBeGreaterThan(2);
    await shown.getByRole('button', { name: 'Pause' }).click();
    await shown.getByRole('button', { name: 'Play' }).waitFor();
  });

  it('updates costs when a weight is changed', async () => {
    const shown = await showInput(watched.page, 'netvsc');
    const cost = shown.locator('section[id$="-cost"]');
    await cost.scrollIntoViewIfNeeded();
    const before = await cost.locator('table').first().textContent();
    await cost.locator('input[type=number]').first().fill('123456');
    await expect.poll(() => cost.locator('table').first().textContent()).not.toBe(before);
  });

  it('uses the weights that the browser restores when the reader returns to the page', async () => {
    const { page, complaints } = await openPage(browser, url());
    const shown = await showInput(page, 'netvsc');
    const cost = shown.locator('section[id$="-cost"]');
    await cost.scrollIntoViewIfNeeded();
    const first = cost.locator('input[type=number]').first();
    const table = cost.locator('table').first();
    const before = await table.textContent();
    await first.fill('123456');
    await expect.poll(() => table.textContent()).not.toBe(before);
    const changed = await table.textContent();
    await page.goto('about:blank');
    await page.goBack();
    await showInput(page, 'netvsc');
    expect(await first.inputValue()).toBe('123456');
    await cost.scrollIntoViewIfNeeded();
    await expect.poll(() => table.textContent()).toBe(changed);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  describe('passes the accessibility check: nothing serious', () => {
    async function check({ page, complaints }: Watched, input: string, options: object = {}) {
      await showInput(page, input);
      await page.evaluate(leaveOnly(input));
      // Evaluated, not added: the content security policy refuses other scripts.
      await page.evaluate(`${readFileSync(AXE, 'utf8')}; undefined`);
      const { violations, passes } = await page.evaluate<AxeResults>(axeRun(options));
      await page.evaluate(PUT_BACK);
      const found = violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
      expect(found).toEqual([]);
      expect(passes.map(({ id }) => id)).toContain('color-contrast');
      expect(complaints).toEqual([]);
    }

    it.each(INPUTS)('with %s', (input) => check(watched, input));

    it('in dark colours, in which all but the colours is the same', async () => {
      const dark = await openPage(browser, url(), { colorScheme: 'dark' });
      await check(dark, 'netvsc', { runOnly: ['color-contrast'] });
      await dark.page.context().close();
    });
  });

  it.skipIf(PICTURES === undefined).each(['light', 'dark'] as const)(
    'has its picture taken in %s colours',
    async (colorScheme) => {
      const { page } = await openPage(browser, url(), { colorScheme });
      await lookAtFigures(await showInput(page, 'netvsc'));
      await picture(page, `report-${colorScheme}`, true);
      await page.context().close();
    },
  );

  it.skipIf(PICTURES === undefined)('has its picture taken', async () => {
    // The verdict over all inputs, and the summary of the first.
    const { page } = await openPage(browser, url('results/report.html'), {
      viewport: { width: 1280, height: 1420 },
    });
    // Charts in view are drawn in the next frames.
    await page.waitForTimeout(2000);
    await picture(page, 'report');
    await page.context().close();
  });

  it('prints every input, with pictures instead of charts', async () => {
    const { page } = await openPage(browser, url(), { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.evaluate("window.dispatchEvent(new Event('beforeprint'))");
    for (const input of INPUTS) expect(await article(page, input).isVisible()).toBe(true);
    const still = article(page, 'netvsc').locator('figure img').first();
    expect(await still.isVisible()).toBe(true);
    await picture(page, 'report-print', true);
    if (PICTURES !== undefined) writeFileSync(join(PICTURES, 'report.pdf'), pdf);
    await page.context().close();
  });

  it('without scripts shows every input and its pictures', async () => {
    const { page, complaints } = await openPage(browser, url(), { javaScriptEnabled: false });
    for (const input of INPUTS) {
      expect(await article(page, input).locator('table.comparison').isVisible()).toBe(true);
      expect(await article(page, input).locator('figure img').first().isVisible()).toBe(true);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('runs no script that is hidden in a log or in results', async () => {
    const hostile = '</script><img src=x onerror="window.ran=1">"\'`{a|b}';
    const from = join(folder, 'results/k61-E7cc.dma_requests');
    const to = join(folder, 'hostile');
    cpSync(from, to, { recursive: true });
    const [{ results }] = readResults(from);
    const evil: Results = {
      ...results,
      input: { ...results.input, description: hostile },
      notes: [hostile],
      cautions: [hostile],
      facts: [[hostile, hostile]],
      policies: results.policies.map((policy, index) =>
        index === 1
          ? { ...policy, byOwner: [{ owner: hostile, splits2M: 1, splits1G: 0, leakedPages: 0 }] }
          : policy,
      ),
    };
    writeFileSync(join(to, 'results.json'), resultsText(evil));
    decpool('report', to);
    const { page, complaints, requests } = await openPage(browser, url('hostile/report.html'));
    await showInput(page, results.input.name);
    await lookAtFigures(page);
    expect(await page.evaluate("'ran' in window")).toBe(false);
    expect(await page.locator('body').textContent()).toContain(hostile);
    expect(complaints).toEqual([]);
    expect(requests.filter((request) => !request.startsWith('data:'))).toHaveLength(1);
    await page.context().close();
  });
});
