import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { checkpointOf, dict, tensor } from '../support/checkpoint-builder.ts';
import { type Browser, startChromium } from './chromium.ts';
import { HOSTILE, hostileCheckpoint, largeCheckpoint, valuedCheckpoint } from './models.ts';
import { PageFolder, picture, pictureOf } from './page-folder.ts';

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
  folder.open(browser, checkpoint, complaints, true);

const NAN_LAYER = 'layers.4.attn.qkv.weight';
const LAYERS = 12 * 7 + 3;
const plot = (page: Page) => page.locator('#layers .plot');
const plotted = (page: Page) => plot(page).getAttribute('aria-valuetext');
/** Names and values, without anything between. */
const figures = (page: Page, section: string) => page.locator(`${section} .figures`).textContent();
const bars = (page: Page, section: string) => page.locator(`${section} .bars`).getAttribute('d');

describe('the page of a report with values', () => {
  it('plots every layer, marks what is wrong, and finds it', async () => {
    const complaints: string[] = [];
    const page = await opened(valuedCheckpoint(), complaints);
    await plot(page).locator('svg').waitFor();
    expect(await page.locator('#layers .count').textContent()).toBe(String(LAYERS));
    const drawn = (await page
      .locator('#layers .dots')
      .evaluateAll((paths) => paths.map((path) => path.getAttribute('d')))) as string[];
    expect(drawn.join('').match(/M/g)).toHaveLength(LAYERS);
    for (const mark of ['nan', 'inf', 'zero'])
      expect((await page.locator(`.plot .shape.${mark}`).getAttribute('d'))?.match(/M/g)).toHaveLength(1);
    // what is gravest is shown first
    expect(await plotted(page)).toMatch(new RegExp(`^${NAN_LAYER}, std 0\\.0\\d+, .*42 NaN`));
    await page.locator('[data-mark=zero]').click();
    expect(await plotted(page)).toBe('layers.9.mlp.up.weight, std 0, mean 0, 0 to 0, all zero');
    expect(await page.locator('#layers .numbers .empty').textContent()).toBe('Every finite number is 0.');
    await page.locator('[data-mark=nan]').click();
    expect(await figures(page, '#layers')).toMatch(/NaN42/);
    expect(await page.locator('#findings').textContent()).toContain('values/nan');
    expect(await page.locator('#overview').textContent()).toContain('NaN: 1, Inf: 1, all zero: 1');
    await pictureOf(page.locator('#layers'), 'report-values');
    await picture(page, 'report-values-page');
    await page.close();
    expect(complaints).toEqual([]);
  });

  it('tells of a layer under the pointer, and chooses it by a click', async () => {
    const page = await opened(valuedCheckpoint());
    const box = await plot(page).boundingBox();
    if (!box) throw new Error('the plot has no place');
    await plot(page).scrollIntoViewIfNeeded();
    await plot(page).hover({ position: { x: 58 + 2, y: 200 } });
    expect(await page.locator('#layers .tip').textContent()).toMatch(/^tok_embeddings\.weightstd 0\.02/);
    expect(await plotted(page)).toContain(NAN_LAYER);
    await plot(page).click({ position: { x: 58 + 2, y: 200 } });
    expect(await plotted(page)).toContain('tok_embeddings.weight');
    expect(await figures(page, '#layers')).toMatch(/numbers51\.2 k/);
    await page.locator('#layers .drawing').hover({ position: { x: 400, y: 60 } });
    expect(await page.locator('#layers .said').textContent()).toMatch(
      /^-?[\d.e-]+ to -?[\d.e-]+: [\d.]+ k? ?of the numbers, [\d.]+ %$/,
    );
    const linear = await bars(page, '#layers');
    await page.locator('#layers').getByRole('button', { name: 'Log' }).click();
    expect(await bars(page, '#layers')).not.toBe(linear);
    await page.close();
  });

  it('goes from layer to layer by keys, and from there to the map', async () => {
    const page = await opened(valuedCheckpoint());
    await plot(page).focus();
    await page.keyboard.press('Home');
    expect(await plotted(page)).toMatch(/^tok_embeddings/);
    await page.keyboard.press('ArrowRight');
    expect(await plotted(page)).toMatch(/^pos_embeddings/);
    await page.keyboard.press('PageUp');
    expect(await plot(page).getAttribute('aria-valuenow')).toBe('12');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowRight');
    expect(await plot(page).getAttribute('aria-valuenow')).toBe(String(LAYERS));
    expect(await plot(page).getAttribute('aria-valuemax')).toBe(String(LAYERS));
    await page.keyboard.press('Enter');
    expect(await page.locator('#map .told').textContent()).toContain('norm.weight');
    expect(await figures(page, '#map')).toMatch(/numbers64/);
    await page.close();
  });

  it('plots what a search and the legend leave', async () => {
    const page = await opened(valuedCheckpoint());
    await page.locator('#layers .search').fill('attn qkv weight');
    expect(await page.locator('#layers .count').textContent()).toBe(`12 of ${LAYERS}`);
    expect(await plotted(page)).toContain(NAN_LAYER);
    await page.locator('#layers .search').fill('');
    await page.locator('[data-kind=matrix]').press('Space');
    expect(await page.locator('[data-kind=matrix]').getAttribute('aria-pressed')).toBe('false');
    expect(await page.locator('#layers .dots.matrix').getAttribute('d')).toBe('');
    expect(await page.locator('[data-mark]').count()).toBe(0);
    await page.locator('#layers .search').fill('nothing such');
    expect(await plot(page).textContent()).toBe('No tensor matches.');
    await page.close();
  });

  it('shows the histogram of what is chosen in the map or the table', async () => {
    const page = await opened(valuedCheckpoint());
    expect(await figures(page, '#map')).toMatch(/tensors87/);
    const whole = await bars(page, '#map');
    await page
      .locator('.tile.module', { hasText: 'layers' })
      .first()
      .click({ position: { x: 8, y: 8 } });
    expect(await figures(page, '#map')).toMatch(/^oflayerstensors84/);
    await page.locator('#search').fill('layers.4 qkv weight');
    await page.locator('.rows .row').first().click();
    expect(await figures(page, '#map')).toMatch(/NaN42/);
    expect(await page.locator('#map .drawing').getAttribute('aria-label')).toMatch(
      `Histogram of ${NAN_LAYER}: -0.`,
    );
    expect(await bars(page, '#map')).not.toBe(whole);
    expect(await plotted(page)).toContain(NAN_LAYER);
    await page.close();
  });

  it('has the numbers in the table, to sort and to go through by keys', async () => {
    const page = await opened(valuedCheckpoint());
    await page.locator('.head .bad button').click();
    expect(await page.locator('.rows .name').first().textContent()).toBe(NAN_LAYER);
    expect(await page.locator('.rows .bad').first().textContent()).toBe('42 NaN');
    expect(await page.locator('.rows .spark').count()).toBeGreaterThan(10);
    await page.locator('.window').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'End', 'Home']) await page.keyboard.press(key);
    expect(await page.locator('.window').getAttribute('aria-activedescendant')).toBe('row-0');
    expect(await page.locator('#row-0').getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('Enter');
    expect(await page.locator('#map .told').textContent()).toContain(NAN_LAYER);
    await page.locator('#tensors').getByRole('button', { name: 'Storage' }).click();
    expect(await page.locator('.head').textContent()).toContain('Device');
    await page.close();
  });

  it('calls no numbers sound that are not there, and no two values one', async () => {
    const floats = (...values: number[]) =>
      tensor({ shape: [values.length], bytes: new Uint8Array(Float32Array.from(values).buffer) });
    const overview = (page: Page) => page.locator('#overview .cards').textContent();
    const meta = tensor({ shape: [3, 4], kind: 'meta' });
    const bare = await opened(checkpointOf(dict({ meta })));
    expect(await overview(bare)).toContain('NumbersNone');
    expect(await overview(bare)).not.toContain('finite');
    expect(await bare.locator('#layers').count()).toBe(0);
    await bare.close();
    const some = await opened(checkpointOf(dict({ meta, seen: floats(1, 2) })));
    expect(await overview(some)).toContain('NumbersAll finite2 looked at; 1 tensor has none');
    await some.close();
    const page = await opened(
      checkpointOf(dict({ mask: floats(1, 0, 1), lost: floats(Number.NaN, Number.NaN) })),
    );
    expect(await plotted(page)).toBe('lost, no finite number, 2 NaN');
    await plot(page).focus();
    await page.keyboard.press('Home');
    expect(await plotted(page)).toMatch(/^mask, /);
    expect((await bars(page, '#layers'))?.match(/M/g)).toHaveLength(2);
    // one deviation around the mean reaches beyond the largest number
    const spans = await page
      .locator('#layers')
      .evaluate((layers) =>
        ['.range.vector', '.inner.vector'].map(
          (path) => /V([\d.]+)/.exec(layers.querySelector(path)?.getAttribute('d') ?? '')?.[1],
        ),
      );
    expect(spans[1]).toBe(spans[0]);
    await page.close();
  });

  it('shows hostile names as the text that they are', async () => {
    const complaints: string[] = [];
    const page = await opened(hostileCheckpoint(), complaints);
    await plot(page).focus();
    await page.keyboard.press('Home');
    for (const name of HOSTILE.slice(0, 3)) {
      expect(await page.locator('#layers .told strong').textContent()).toBe(`state_dict.${name}`);
      await page.keyboard.press('ArrowRight');
    }
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.content()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    await page.close();
    expect(complaints).toEqual([]);
  });

  it('draws five thousand layers in a few shapes', async () => {
    const page = await opened(largeCheckpoint());
    await plot(page).locator('svg').waitFor();
    expect(await page.locator('#layers .count').textContent()).toBe('5,000');
    expect(await page.locator('#layers *').count()).toBeLessThan(400);
    expect(await page.locator('.rows .row').count()).toBeLessThan(80);
    await page.locator('#layers .search').fill('blocks.77.');
    expect(await page.locator('#layers .count').textContent()).toBe('10 of 5,000');
    await plot(page).focus();
    await page.keyboard.press('Home');
    expect(await plotted(page)).toMatch(/^blocks\.77\.experts\.0\.weight/);
    await page.close();
  });

  it('fits a phone, and is light or dark', async () => {
    const page = await opened(valuedCheckpoint());
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(200);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect((await plot(page).locator('svg').boundingBox())?.width).toBeLessThan(390);
    expect(await page.locator('.rows .row .std').first().isVisible()).toBe(true);
    await picture(page, 'report-values-phone', undefined);
    await page.setViewportSize({ width: 1280, height: 900 });
    const ink = () =>
      page.evaluate<string>("getComputedStyle(document.documentElement).getPropertyValue('--faint')");
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ink();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ink()).not.toBe(light);
    await pictureOf(page.locator('#layers'), 'report-values-dark');
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
    expect(await ink()).toBe('#444444');
    await page.close();
  });
});
