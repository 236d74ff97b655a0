import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Locator, Page } from 'playwright-core';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { pageAssets } from '../../src/cli/page-assets.ts';
import { readRulePage } from '../../src/cli/pages.ts';
import { diagnose } from '../../src/diagnose/engine.ts';
import { examinePayload } from '../../src/diagnose/payload.ts';
import { RULES } from '../../src/diagnose/rules/index.ts';
import { htmlPage } from '../../src/report/html-page.ts';
import { pageData } from '../../src/report/page-builder.ts';
import { PAGE_BINS } from '../../src/report/page-numbers.ts';
import type { Browser } from './chromium.ts';

/** Where pictures of the page go, for people to look at: SCREENSHOTS=docs/images npm run test:browser */
const pictures = process.env.SCREENSHOTS;

/** A folder of pages, which are opened as a reader does who double-clicks on them. */
export class PageFolder {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-page-'));
  #count = 0;

  /** Whatever the page complains of, or asks the network for, goes to `complaints`. */
  async open(
    browser: Browser,
    checkpoint: Checkpoint,
    complaints: string[] = [],
    values = false,
  ): Promise<Page> {
    const page = await browser.context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith('file:') || request.resourceType() !== 'document')
        complaints.push(request.url());
    });
    await page.goto(await this.#write(checkpoint, values));
    return page;
  }

  async #write(checkpoint: Checkpoint, values: boolean): Promise<string> {
    const payload = values
      ? await examinePayload(checkpoint, { values: { bins: PAGE_BINS, narrow: true } })
      : undefined;
    const findings = diagnose(checkpoint, { payload });
    const rules = new Map(
      await Promise.all(
        findings.map(async ({ rule }) => {
          const { markdown } = await readRulePage(rule);
          return [rule, { title: RULES.find(({ id }) => id === rule)?.title ?? '', markdown }] as const;
        }),
      ),
    );
    const data = pageData(checkpoint, findings, {
      version: '0.0.0',
      rules,
      statistics: payload?.values?.statistics,
    });
    const file = path.join(this.#folder, `${this.#count++}.html`);
    writeFileSync(file, htmlPage(data, await pageAssets()));
    return pathToFileURL(file).href;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param height Pixels of the page from its top; all of it where it is left out. */
export async function picture(page: Page, name: string, height?: number): Promise<void> {
  const clip = height === undefined ? {} : { clip: { x: 0, y: 0, width: 1280, height } };
  await pictured(page, name, (file) => page.screenshot({ path: file, fullPage: true, ...clip }));
}

/** Of one part of the page. */
export async function pictureOf(part: Locator, name: string): Promise<void> {
  await pictured(part.page(), name, (file) => part.screenshot({ path: file }));
}

async function pictured(page: Page, name: string, take: (file: string) => Promise<unknown>): Promise<void> {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.waitForTimeout(300);
  await take(path.join(pictures, `${name}.png`));
}
