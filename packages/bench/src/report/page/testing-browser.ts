/** For specs and measurements: a real browser that makes no network requests of its own. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Path of Debian's package. DECPOOL_CHROMIUM names another one. */
const EXECUTABLE = process.env['DECPOOL_CHROMIUM'] ?? '/usr/bin/chromium';

/** Specs that need a browser are skipped without one. */
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

/** An opened page with its complaints and its requests. */
export interface Watched {
  readonly page: Page;
  /** Console errors and warnings, and uncaught errors. They include violations of the content security policy. */
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
