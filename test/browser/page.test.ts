import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { type Browser, startChromium } from './chromium.ts';
import { HOSTILE, hostileCheckpoint, largeCheckpoint, trainingCheckpoint } from './models.ts';
import { PageFolder, picture } from './page-folder.ts';

const folder = new PageFolder();
let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  folder.remove();
});

const opened = (checkpoint: Checkpoint, complaints?: string[]): Promise<Page> =>
  folder.open(browser, checkpoint, complaints);

const labels = (page: Page): Promise<string[]> => page.locator('.tile .label').allTextContents();

describe('the page of a report', () => {
  it('opens from a file, asks nothing of the network, and tells what the terminal tells', async () => {
    const complaints: string[] = [];
    const page = await opened(trainingCheckpoint(), complaints);
    expect(await page.locator('h1').textContent()).toContain('last.pth');
    expect(await page.locator('#findings').textContent()).toContain('device/cuda-tag');
    expect(await page.locator('.cure code').textContent()).toMatch(
      /^ckpt-doctor fix runs\/tiny-gpt\/last\.pth --/,
    );
    expect(await page.locator('#values').textContent()).toContain('global_step');
    await picture(page, 'report', 1640);
    await page.close();
    expect(complaints).toEqual([]);
  });

  it('zooms into a module and out again, by mouse and by keys', async () => {
    const page = await opened(trainingCheckpoint());
    const before = await labels(page);
    await page
      .locator('.tile.module', { hasText: 'ema.module' })
      .first()
      .click({ position: { x: 8, y: 8 } });
    expect(await page.locator('.trail .here').textContent()).toBe('ema.module');
    const zoomed = await labels(page);
    expect(zoomed).toContain('layers');
    expect(zoomed).not.toContain('optimizer.state');
    await page.keyboard.press('Escape');
    expect(await labels(page)).toEqual(before);
    await page.keyboard.press('ArrowRight');
    const right = await page.evaluate<string>('document.activeElement.ariaLabel');
    await page.keyboard.press('ArrowLeft');
    expect(await page.evaluate<string>('document.activeElement.ariaLabel')).not.toBe(right);
    await page.locator('.tile.module').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('.trail .here').textContent()).toBe('optimizer.state');
    await page.locator('.trail button').first().click();
    expect(await labels(page)).toEqual(before);
    await page.close();
  });

  it('colours by dtype, device, part and waste, with a legend of each', async () => {
    const page = await opened(trainingCheckpoint());
    const legend = page.locator('.legend');
    expect(await legend.textContent()).toMatch(/float32.*bfloat16/);
    await page.locator('[data-mode=part]').click();
    expect(await legend.textContent()).toMatch(/optimizer.*ema.*model/);
    await page.locator('[data-mode=location]').click();
    expect(await legend.textContent()).toMatch(/cuda:0.*100 %/);
    await page.locator('[data-mode=waste]').click();
    expect(await legend.textContent()).toContain('none unused');
    await page.close();
  });

  it('searches, sorts, and finds a tensor of the table in the map', async () => {
    const page = await opened(trainingCheckpoint());
    await page.locator('#search').fill('EMA layers.3 mlp');
    expect(await page.locator('.count').textContent()).toMatch(/^2 of /);
    expect(await page.locator('.rows .name').allTextContents()).toEqual([
      'ema.module.layers.3.mlp.up.weight',
      'ema.module.layers.3.mlp.down.weight',
    ]);
    await page.locator('.rows .row').nth(1).click();
    expect(await page.locator('.trail .here').textContent()).toContain('mlp');
    expect(await page.locator('.told').textContent()).toContain('mlp.down.weight');
    await page.locator('#search').fill('no such tensor');
    expect(await page.locator('.rows').textContent()).toBe('No tensor matches.');
    await page.locator('#search').fill('');
    await page.getByRole('button', { name: 'Size' }).click();
    expect(await page.locator('.rows .name').first().textContent()).toMatch(/tok_embeddings|exp_avg/);
    expect(await page.locator('.head .bytes').getAttribute('aria-sort')).toBe('descending');
    await page.close();
  });

  it('shows hostile names as the text that they are', async () => {
    const complaints: string[] = [];
    const page = await opened(hostileCheckpoint(), complaints);
    await page.waitForTimeout(300);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('script:not([type])').count()).toBe(1);
    expect(await page.locator('img').count()).toBe(0);
    const names = await page.locator('.rows .name span').allTextContents();
    expect(names).toHaveLength(HOSTILE.length);
    expect(names[0]).toBe(`state_dict.${HOSTILE[0]}`);
    expect(names[3]).toBe('state_dict.turned \\u202egnp.exe\\u202c around');
    expect(await page.content()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    await page.close();
    expect(complaints).toEqual([]);
  });

  it('draws few rows and few tiles of five thousand tensors', async () => {
    const page = await opened(largeCheckpoint());
    expect(await page.locator('.count').textContent()).toBe('5,000');
    expect(await page.locator('.rows .row').count()).toBeLessThan(80);
    expect(await page.locator('.tile').count()).toBeLessThan(3000);
    await page.locator('.window').evaluate((window) => {
      window.scrollTop = window.scrollHeight;
    });
    await page.locator('.rows .name', { hasText: 'blocks.499.experts.9.weight' }).waitFor();
    await page.locator('#search').fill('blocks.77.');
    expect(await page.locator('.count').textContent()).toBe('10 of 5,000');
    await page.close();
  });

  it('is light or dark as the system is, or as the reader says', async () => {
    const page = await opened(trainingCheckpoint());
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await ground();
    expect(dark).not.toBe(light);
    await picture(page, 'report-dark');
    await page.locator('.theme').click();
    expect(await ground()).toBe(light);
    await page.locator('.theme').click();
    expect(await ground()).toBe(dark);
    await page.close();
  });

  it('fits a phone, and copies the command', async () => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await opened(trainingCheckpoint());
    await page.setViewportSize({ width: 380, height: 780 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(380);
    await picture(page, 'report-phone');
    await page.locator('.copy').first().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    await page.close();
  });

  it('opens everything for paper', async () => {
    const page = await opened(trainingCheckpoint());
    expect((await page.pdf()).subarray(0, 4).toString()).toBe('%PDF');
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(await page.locator('details:not([open])').count()).toBe(0);
    const all = Number((await page.locator('.count').textContent())?.replace(',', ''));
    expect(await page.locator('.rows .row').count()).toBe(all);
    await page.close();
  });
});
