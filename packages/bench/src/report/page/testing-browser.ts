/** For specs and measurements: a real browser, which asks nobody for anything by itself. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's package; another place with DECPOOL_CHROMIUM. */
const EXECUTABLE = process.env['DECPOOL_CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser: without one, what needs it is skipped. */
export const HAS_BROWSER = existsSync(EXECUTABLE);

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

/** A page that was opened, with all it complained of and all it asked for. */
export interface Watched {
  readonly page: Page;
  /** Console errors and warnings, and errors that nothing caught; violations of the content security policy among them. */
  readonly complaints: string[];
  readonly requests: string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
}
