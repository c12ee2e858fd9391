/** How fast the page of a run of more than a million events opens, and answers its slider, in a real browser. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HAS_BROWSER, launchBrowser, openPage } from '../report/page/testing-browser.ts';
import { readResults } from '../report/read-results.ts';
import { grouped, speedTable } from './table.ts';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
/** Five policies, three million events in their logs. */
const RUN = ['--workload', 'mixed-day', '--memory', '4G:fragmented=0.6', '--seeds', '1'] as const;
const JUMPS = 100;
/** ms between two pictures of a screen, at the usual 60 a second. */
const FRAME_MS = 1000 / 60;

export async function pageTable(): Promise<string> {
  if (!HAS_BROWSER) return 'the page of a report: skipped: no Chromium (apt-get install chromium)';
  const folder = mkdtempSync(join(tmpdir(), 'decpool-page-'));
  try {
    decpool('compare', ...RUN, '--out', folder);
    const begun = performance.now();
    decpool('report', folder);
    const made = performance.now() - begun;
    const events = readResults(folder)
      .flatMap(({ results }) => results.policies)
      .reduce((sum, { runs }) => sum + runs[0].events, 0);
    const page = join(folder, 'report.html');
    const { opened, jumps } = await measured(page);
    const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
    const jump = (share: number) => jumps[Math.min(JUMPS - 1, Math.floor(share * JUMPS))];
    const frames = (value: number) => `${ms(value)} (${(value / FRAME_MS).toFixed(1)} frames)`;
    return speedTable(
      [],
      [
        ['events in the logs, five policies', grouped(events)],
        ['size of the page', `${(statSync(page).size / 2 ** 20).toFixed(2)} MiB`],
        ['decpool report', `${(made / 1000).toFixed(1)} s`],
        ['opening, until both maps are painted', ms(opened)],
        [`slider moved, until both maps are painted: median of ${JUMPS}`, frames(jump(0.5))],
        ['the same, 9 of 10', frames(jump(0.9))],
        ['the same, slowest', frames(jump(1))],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const decpool = (...args: string[]): void =>
  void execFileSync(process.execPath, [DECPOOL, ...args], { stdio: 'ignore' });

/** ms of each, the jumps ascending. */
async function measured(page: string): Promise<{ readonly opened: number; readonly jumps: number[] }> {
  const browser = await launchBrowser();
  try {
    const begun = performance.now();
    const watched = await openPage(browser, pathToFileURL(page).href);
    await watched.page.locator('canvas[data-frame]').nth(1).waitFor();
    const opened = performance.now() - begun;
    // Everything else on the page has settled, as for a reader who takes the slider.
    await watched.page.waitForTimeout(2000);
    const jumps = await watched.page.evaluate<number[]>(JUMPING);
    return { opened, jumps: jumps.sort((a, b) => a - b) };
  } finally {
    await browser.close();
  }
}

/** In the page: from the event of the slider to the frame of the screen behind the one in which both maps were painted. */
const JUMPING = `(async () => {
  const slider = document.querySelector('.map input[type=range]');
  const maps = [...document.querySelectorAll('.map canvas')].slice(0, 2);
  const frames = Number(slider.max) + 1;
  const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
  const took = [];
  let place = 1;
  for (let jump = 0; jump < ${JUMPS}; jump++) {
    place = (place * 48271) % 2147483647;
    const frame = String(place % frames);
    await nextFrame();
    const begun = performance.now();
    slider.value = frame;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    while (!maps.every((map) => map.dataset.frame === frame)) await nextFrame();
    took.push(performance.now() - begun);
  }
  return took;
})()`;
