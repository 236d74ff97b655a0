import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/engine.ts';
import { embedded, htmlPage, PAGE_START } from '../../src/report/html-page.ts';
import { pageData } from '../../src/report/page-builder.ts';
import type { PageData } from '../../src/report/page-data.ts';
import { HOSTILE, hostileCheckpoint, trainingCheckpoint } from '../browser/models.ts';
import { Forge } from '../support/forge.ts';

const dataOf = (checkpoint: Parameters<typeof pageData>[0]): PageData =>
  pageData(checkpoint, diagnose(checkpoint), {
    version: '1.2.3',
    rules: new Map([
      [
        'device/cuda-tag',
        {
          title: 'A title',
          markdown: '# device/cuda-tag\n\n```text\nError\n```\n\n## Why\n\nSee [that](x.md) `code`.',
        },
      ],
    ]),
  });
const assets = { script: 'let x = 1;', style: 'body { margin: 0 }' };

describe('htmlPage', () => {
  it('lets run what stands in it, and nothing else', () => {
    const page = htmlPage(dataOf(trainingCheckpoint()), assets);
    expect(page.startsWith(PAGE_START)).toBe(true);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? '';
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src ${hash(assets.script)}`);
    expect(policy).toContain(`style-src ${hash(assets.style)}`);
    expect(policy).not.toContain('unsafe');
    expect(page).not.toMatch(/\b(src|href)=/);
  });

  it('lets no text of the file end the element that holds it', () => {
    const page = htmlPage(dataOf(hostileCheckpoint()), assets);
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script/g)).toHaveLength(2);
    expect(page).not.toContain('<img');
    expect(page.match(/<!--/g)).toHaveLength(1);
    expect(page).not.toMatch(/[\u0000\u2028\u202a-\u202e\u2066-\u2069]/);
    const json = /<script type="application\/json" id="data">(.*)<\/script>\n<script>/s.exec(page)?.[1] ?? '';
    const { tensors } = JSON.parse(json) as PageData;
    expect(tensors.name[0]).toBe(`state_dict.${HOSTILE[0]}`);
  });
});

describe('embedded', () => {
  it('gives back what was put in', () => {
    const value = { '</script>': ['<!--', '&amp;', '\u2028\u202e', 'ä', null, 1.5] };
    expect(JSON.parse(embedded(value))).toEqual(value);
    expect(embedded(value)).toMatch(/^[^<>&\u2028\u202e]*$/);
  });
});

describe('pageData', () => {
  it('says what the file is, where its bytes are and what is wrong', () => {
    const data = dataOf(trainingCheckpoint(2, 8));
    expect(data).toMatchObject({
      file: { name: 'last.pth', path: 'runs/tiny-gpt/last.pth' },
      command: 'ckpt-doctor fix runs/tiny-gpt/last.pth --map-location cpu --strip-module',
      dtypes: [{ name: 'float32' }, { name: 'bfloat16' }],
      locations: [{ name: 'cuda:0' }],
    });
    expect(data.parts.slice(0, 3).map(({ name }) => name)).toEqual(['optimizer', 'ema', 'model']);
    expect(data.values).toContainEqual(['config.name', 'tiny-gpt']);
    expect(data.findings.find(({ rule }) => rule === 'device/cuda-tag')).toMatchObject({
      title: 'A title',
      command: 'ckpt-doctor fix runs/tiny-gpt/last.pth --map-location cpu',
      explanation: [
        { kind: 'message', lines: ['Error'] },
        { kind: 'heading', lines: ['Why'] },
        { kind: 'paragraph', lines: ['See that `code`.'] },
      ],
    });
    const { tensors } = data;
    expect(tensors.stored.reduce((sum, bytes) => sum + bytes, 0)).toBe(data.totals.storageBytes);
    expect(data.parts[tensors.part[tensors.name.indexOf('ema.module.norm.weight')] ?? -1]?.name).toBe('ema');
  });

  it('shares the bytes of a storage among those that view it, and tells what none of them uses', () => {
    const forge = new Forge();
    const storage = forge.floats(...Array.from({ length: 100 }, (_, index) => index));
    const { tensors, totals, sharing } = dataOf(
      forge.checkpoint(
        forge.dict({
          a: forge.view(storage, { shape: [10] }),
          b: forge.view(storage, { shape: [10], storageOffset: 10 }),
        }),
      ),
    );
    expect(tensors.bytes).toEqual([40, 40]);
    expect(tensors.stored).toEqual([200, 200]);
    expect(tensors.wasted).toEqual([160, 160]);
    expect(totals.wastedBytes).toBe(320);
    expect(sharing).toEqual([{ storage: '0', bytes: 400, names: ['a', 'b'], tied: false }]);
  });
});
