import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { fixCheckpoint } from '../../src/fix/fix.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { encodePickle } from '../../src/pickle/encoder.ts';
import { EMPTY_TUPLE, PyDict, PyGlobal, PyObject, PyTuple } from '../../src/pickle/values.ts';
import { layoutArchive } from '../../src/zip/layout.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { checkpointRecords, madeZip } from '../support/made-zip.ts';
import { called, global, type StreamPart, stream, string } from '../support/pickle-stream.ts';

const folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An archive whose pickle calls what runs code; the argument is a word that no shell knows. */
async function hostileFile(): Promise<string> {
  const call = new PyObject('reduce', new PyGlobal('os', 'system'), new PyTuple(['no-such-command']));
  const empty = new PyObject('reduce', new PyGlobal('collections', 'OrderedDict'), EMPTY_TUPLE);
  const pickle = encodePickle(new PyDict(['state_dict', 'epoch'], [empty, call]));
  const version = Buffer.from('3\n');
  const layout = layoutArchive('model', [
    { name: 'data.pkl', content: pickle.content, size: pickle.length },
    { name: 'version', content: [version], size: version.length },
  ]);
  const bytes = Buffer.alloc(layout.size);
  await writeArchive(layout, {
    async write(offset, chunk) {
      bytes.set(chunk, offset);
    },
  });
  expect((await new MemorySource(bytes).read(0, 4)).byteLength).toBe(4);
  const path = join(folder, 'hostile.pth');
  writeFileSync(path, bytes);
  return path;
}

describe('a fix of a hostile file', () => {
  it('writes no copy of it', async () => {
    const input = await hostileFile();
    const output = join(folder, 'copy.pth');
    await expect(fixCheckpoint(input, { auto: true, output })).rejects.toThrow('safety/dangerous-call');
    expect(existsSync(output)).toBe(false);
  });

  it('leaves the file as it is where it was to be healed in place', async () => {
    const input = await hostileFile();
    const before = readFileSync(input);
    await expect(fixCheckpoint(input, { auto: true, inPlace: true })).rejects.toThrow(
      'safety/dangerous-call',
    );
    expect(readFileSync(input)).toEqual(before);
  });

  it.each([
    ['a shell was called', [...called('posix', 'system'), 'POP' as const]],
    [
      'a function was given a state',
      [...global('numpy', 'prod'), 'EMPTY_DICT' as const, 'BUILD' as const, 'POP' as const],
    ],
    ['an import had no name', [...made('str'), ...made('str'), 'STACK_GLOBAL' as const, 'POP' as const]],
  ])('writes no copy in which an unknown class stands, where %s beside it', async (_name, parts) => {
    const input = join(folder, 'beside.pth');
    const output = join(folder, 'beside.fixed.pth');
    const pickle = stream(
      'PROTO',
      { bytes: [2] },
      ...parts,
      'EMPTY_DICT',
      ...string('net'),
      ...global('project.model', 'Net'),
      'EMPTY_TUPLE',
      'REDUCE',
      'SETITEM',
      'STOP',
    );
    writeFileSync(input, madeZip(checkpointRecords(pickle)));
    for (const options of [{ auto: true }, { to: 'torch' as const }])
      await expect(fixCheckpoint(input, { ...options, output })).rejects.toThrow(/project\.model\.Net/);
    expect(existsSync(output)).toBe(false);
  });
});

describe('a fix of an archive with a deflated record that is too long to be searched', () => {
  const evil = stream('PROTO', { bytes: [2] }, ...called('posix', 'system'), 'STOP');
  const LENGTH = 17_000_000;
  const withRecord = (start: Buffer): string => {
    const path = join(folder, 'unsearched.pth');
    const content = deflateRawSync(Buffer.concat([start, Buffer.alloc(LENGTH - start.length)]));
    const record = { name: 'archive/extra', content, method: 8, size: LENGTH };
    writeFileSync(path, madeZip([...checkpointRecords(), record]));
    return path;
  };
  const ids = (findings: readonly { rule: string }[]) => findings.map(({ rule }) => rule);

  it('stores the record, searches it, and writes no copy where it is hostile', async () => {
    const output = join(folder, 'searched.pth');
    const harmless = await fixCheckpoint(withRecord(Buffer.alloc(0)), { auto: true, output });
    expect(ids(harmless.findingsBefore)).toContain('limit/unsearched');
    expect(ids(harmless.findingsAfter)).not.toContain('limit/unsearched');
    rmSync(output);
    await expect(fixCheckpoint(withRecord(evil), { auto: true, output })).rejects.toThrow(
      'safety/dangerous-call',
    );
    expect(existsSync(output)).toBe(false);
  });

  it('leaves the record behind on the way to safetensors', async () => {
    const output = join(folder, 'tensors.safetensors');
    const { findingsAfter } = await fixCheckpoint(withRecord(evil), { to: 'safetensors', output });
    expect(ids(findingsAfter)).toEqual([]);
    expect(readFileSync(output).length).toBeLessThan(1000);
  });
});

/** `builtins.name()`, left on the stack. */
function made(name: string): StreamPart[] {
  return [...global('builtins', name), 'EMPTY_TUPLE', 'REDUCE'];
}
