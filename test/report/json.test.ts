import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PyDict, PyList } from '../../src/pickle/values.ts';
import { inspectDocument, unreadableDocument } from '../../src/report/inspect-document.ts';
import { inspectJson } from '../../src/report/json.ts';
import { checkpoint, finding, resnet18, tensor } from './sample.ts';

const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
});

const write = (...args: Parameters<typeof inspectJson>) => [...inspectJson(...args)].join('');

describe('inspectJson', () => {
  it('reads back as the document', () => {
    const root = new PyDict(['epoch', 'empty', 'list'], [3, new PyDict(), new PyList([1, 'two', null])]);
    const document = inspectDocument(
      checkpoint(
        [...resnet18(['state_dict', 'module.']), tensor([0, 'a"b\\c'], [2 ** 60], { storage: undefined })],
        {
          root,
          globals: [{ name: 'a.b', count: 2, weightsOnly: false, offset: 0 }],
        },
      ),
      [finding('a/b', { subjects: ['x', 'y'], fix: ['--auto'] })],
    );
    expect(JSON.parse(write(document))).toEqual(document);
    expect(JSON.parse(`[${write(document, '  ')}]`)).toEqual([document]);
    const unreadable = unreadableDocument('x', undefined, { code: 'empty', message: 'the file is empty' });
    expect(JSON.parse(write(unreadable))).toEqual(unreadable);
    const empty = inspectDocument(checkpoint([]), []);
    expect(JSON.parse(write(empty))).toEqual(empty);
  });

  it('reads back whatever the names are', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const document = inspectDocument(checkpoint([tensor([a, b], [1], { location: b })]), []);
        expect(JSON.parse(write(document))).toEqual(document);
      }),
    );
  });

  it('puts each tensor, storage and global on a line of its own', () => {
    const lines = write(inspectDocument(checkpoint([tensor('a', [1]), tensor('b', [2])]), [])).split('\n');
    expect(lines.filter((line) => line.startsWith('    { "path"'))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('    { "key"'))).toHaveLength(2);
    expect(lines[1]).toBe('  "schema": "ckpt-doctor/inspect/1",');
  });

  it('holds no character that a terminal obeys or hides', () => {
    const name = 'a\u001b[31m\u009b31m\u202eb\u200b\u2066\ufeff\u007f';
    const text = write(
      inspectDocument(checkpoint([tensor(name, [1], { location: name })]), [
        finding('a/b', { subjects: [name] }),
      ]),
    );
    expect(text).toMatch(/^[\n -~]*$/);
    expect(JSON.parse(text).tensors[0].name).toBe(name);
  });
});
