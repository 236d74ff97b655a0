import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FixOptions, fixCheckpoint } from '../../src/fix/fix.ts';
import { undoFix } from '../../src/fix/undo.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { journalPath } from '../../src/io/journal-path.ts';
import { thisProcess } from '../../src/io/process-identity.ts';
import { encodePickle } from '../../src/pickle/encoder.ts';
import { PyDict, PyGlobal, PyObject, PyPersistent, PyTuple, type Value } from '../../src/pickle/values.ts';
import { archiveOf, record } from '../zip/archives.ts';
import { DEAD, ELSEWHERE, journalText, workplace } from './workplace.ts';

const { folder, copyOf } = workplace();

describe('undo', () => {
  it('takes several fixes back one by one, byte for byte', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const states = [readFileSync(file)];
    const steps: FixOptions[] = [{ auto: true }, { addPrefix: 'net.' }, { mapLocation: 'cuda:1' }];
    for (const step of steps) {
      await fixCheckpoint(file, { inPlace: true, ...step });
      states.push(readFileSync(file));
    }
    for (let left = 2; left >= 0; left--) {
      const now = states.pop() as Buffer;
      const before = states.at(-1) as Buffer;
      expect(await undoFix(file)).toEqual({
        file,
        undone: 'fix',
        bytes: before.length,
        removed: now.length - before.length,
        left,
      });
      expect(readFileSync(file).equals(before)).toBe(true);
    }
    await expect(undoFix(file)).rejects.toThrow(/nothing to take back/);
  });

  it('is refused where something was written behind the fix', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    await fixCheckpoint(file, { inPlace: true, auto: true });
    appendFileSync(file, 'x');
    await expect(undoFix(file)).rejects.toThrow(/something else has written/);
  });

  it('is refused where the end of the original is not what it was', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const { length } = readFileSync(file);
    await fixCheckpoint(file, { inPlace: true, auto: true });
    const changed = readFileSync(file);
    changed[length - 1] = (changed[length - 1] as number) ^ 1;
    writeFileSync(file, changed);
    await expect(undoFix(file)).rejects.toThrow(/digest differs/);
    expect(readFileSync(file).equals(changed)).toBe(true);
  });

  it('does not believe a record that would cut the file to something that opens nowhere', async () => {
    const file = path.join(folder, 'made-up.pth');
    const archive = async (healedLength: number, before: Buffer) => {
      const { origin } = JSON.parse(await journalText(before, DEAD));
      const undo = JSON.stringify({ format: 'ckpt-doctor/undo/1', fixes: 1, origin, healedLength });
      return archiveOf('m', [
        record('data.pkl', encodePickle(null).content[0] as Uint8Array),
        record('.ckpt-doctor/undo', Buffer.from(undo)),
      ]);
    };
    const some = await archive(100, Buffer.alloc(30));
    const { length } = some;
    writeFileSync(file, await archive(length, some.subarray(0, 30)));
    await expect(undoFix(file)).rejects.toThrow(/archive of 30 bytes is cut short/);
    expect(readFileSync(file)).toHaveLength(length);
  });

  it.each(['damaged/legacy_truncated.pth', 'clean/state_dict.pth'])(
    'says that %s was not fixed in place',
    async (fixture) => {
      await expect(undoFix(copyOf(fixture))).rejects.toThrow(/nothing to take back/);
    },
  );
});

/** An archive of `tensors` one-element tensors, as any torch may have laid it out. */
async function archive(
  root: string,
  tensors: number,
  alignment: number,
  trailer: Uint8Array,
): Promise<Buffer> {
  const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor_v2');
  const floats = new PyGlobal('torch', 'FloatStorage');
  const hooks = new PyObject('reduce', new PyGlobal('collections', 'OrderedDict'), new PyTuple([]));
  const keys: Value[] = [];
  const values: Value[] = [];
  for (let i = 0; i < tensors; i++) {
    const id = new PyPersistent(new PyTuple(['storage', floats, `${i}`, 'cuda:0', 1]));
    keys.push(`layer.${i}`);
    const args = new PyTuple([id, 0, new PyTuple([1]), new PyTuple([1]), false, hooks]);
    values.push(new PyObject('reduce', rebuild, args));
  }
  const pickle = encodePickle(new PyDict(keys, values));
  const bytes = await archiveOf(
    root,
    [
      { name: 'data.pkl', content: pickle.content, size: pickle.length },
      record('.format_version', Buffer.from('1')),
      record('.storage_alignment', Buffer.from(String(alignment))),
      ...Array.from({ length: tensors }, (_, i) => record(`data/${i}`, Buffer.from([i, 1, 2, 3]))),
      record('version', Buffer.from('3\n')),
    ],
    alignment,
  );
  return Buffer.concat([bytes, trailer]);
}

const anyArchive = fc.record({
  root: fc.stringMatching(/^[a-zA-Z0-9 _.é模-]{1,12}$/),
  tensors: fc.integer({ min: 1, max: 8 }),
  alignment: fc.constantFrom(1, 16, 64, 512),
  // a signature of an end record in it would be taken for one
  trailer: fc.uint8Array({ maxLength: 200 }).map((bytes) => bytes.map((byte) => byte | 0x80)),
});
const anySteps = fc.array(
  fc.oneof(
    fc.constantFrom<FixOptions>(
      { mapLocation: 'cpu' },
      { mapLocation: 'cuda:1' },
      { stripPrefixes: ['layer.'] },
    ),
    fc.stringMatching(/^[a-z]{1,9}\.$/).map((addPrefix): FixOptions => ({ addPrefix })),
  ),
  { minLength: 1, maxLength: 4 },
);
let made = 0;

describe('laws', () => {
  it('append, then undo, is nothing at all, as often as you like', async () => {
    await fc.assert(
      fc.asyncProperty(anyArchive, anySteps, async ({ root, tensors, alignment, trailer }, steps) => {
        const file = path.join(folder, `law-${made++}.pth`);
        const states = [await archive(root, tensors, alignment, trailer)];
        writeFileSync(file, states[0] as Buffer);
        for (const step of steps) {
          const { bytesIn, bytesOut } = await fixCheckpoint(file, { inPlace: true, ...step });
          if (bytesOut > bytesIn) states.push(readFileSync(file));
        }
        while (states.length > 1) {
          expect(readFileSync(file).equals(states.pop() as Buffer)).toBe(true);
          await undoFix(file);
        }
        expect(readFileSync(file).equals(states[0] as Buffer)).toBe(true);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('whatever a run that died had written, the original is shown, and undo gives it back', async () => {
    const file = path.join(folder, 'cut.pth');
    const journal = journalPath(file);
    await fc.assert(
      fc.asyncProperty(
        anyArchive,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (shape, part, torn) => {
          const original = await archive(shape.root, shape.tensors, shape.alignment, shape.trailer);
          writeFileSync(file, original);
          await fixCheckpoint(file, { inPlace: true, addPrefix: 'x.', mapLocation: 'cpu' });
          const healed = readFileSync(file);
          const cut = original.length + Math.round(part * (healed.length - original.length));
          const half = Buffer.from(healed.subarray(0, cut));
          // a disk that lost power may have the length of a file, and not yet its bytes
          if (torn) half.fill(0, original.length);
          writeFileSync(file, half);
          writeFileSync(journal, await journalText(original, DEAD));
          const seen = await openCheckpoint(file);
          await seen.close();
          expect(seen.damage.map(({ code }) => code)).toEqual(['interrupted']);
          expect(seen.tensors.map(({ name }) => name)[0]).toBe('layer.0');
          await expect(fixCheckpoint(file, { inPlace: true, auto: true })).rejects.toThrow(
            /ckpt-doctor undo/,
          );
          expect(await undoFix(file)).toMatchObject({
            undone: cut > original.length ? 'interrupted' : 'nothing-written',
            bytes: original.length,
          });
          expect(readFileSync(file).equals(original)).toBe(true);
          expect(existsSync(journal)).toBe(false);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});

describe('a journal beside the file', () => {
  it('of a run that is alive keeps everybody away', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const original = readFileSync(file);
    writeFileSync(journalPath(file), await journalText(original, thisProcess()));
    await expect(fixCheckpoint(file, { inPlace: true, auto: true })).rejects.toThrow(
      `another run of ckpt-doctor (process ${process.pid})`,
    );
    await expect(undoFix(file)).rejects.toThrow(/another run/);
    await expect(undoFix(file, { force: true })).rejects.toThrow(/another run/);
    expect(readFileSync(file).equals(original)).toBe(true);
  });

  it('of a process whose number is used again is that of a dead one', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const owner = { ...thisProcess(), started: 'another boot/1' };
    // where the system doesn't tell when a process was started, the number has to do
    if (thisProcess().started === '') return;
    writeFileSync(journalPath(file), await journalText(readFileSync(file), owner));
    expect(await undoFix(file)).toMatchObject({ undone: 'nothing-written' });
  });

  it('of another machine is believed to be at work, unless the user knows better', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const original = readFileSync(file);
    writeFileSync(journalPath(file), await journalText(original, ELSEWHERE));
    appendFileSync(file, 'half');
    await expect(undoFix(file)).rejects.toThrow(/another machine/);
    expect(await undoFix(file, { force: true })).toMatchObject({ undone: 'interrupted', removed: 4 });
    expect(readFileSync(file).equals(original)).toBe(true);
  });

  it('that was itself interrupted says that nothing was written', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const original = readFileSync(file);
    for (const torn of ['', '{"format":"ckpt-doctor/jou', '\0'.repeat(300)]) {
      writeFileSync(journalPath(file), torn);
      expect(await undoFix(file)).toMatchObject({ undone: 'nothing-written', removed: 0 });
      expect(readFileSync(file).equals(original)).toBe(true);
      expect(existsSync(journalPath(file))).toBe(false);
    }
  });

  it('of another file than the one that stands there now cuts nothing, and is left to the user', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const original = readFileSync(file);
    writeFileSync(journalPath(file), await journalText(original.subarray(0, 5000), DEAD));
    const other = Buffer.from(original);
    other[4999] = (other[4999] as number) ^ 1;
    writeFileSync(file, other);
    await expect(undoFix(file)).rejects.toThrow(/not the one that it was at work on/);
    expect(readFileSync(file).equals(other)).toBe(true);
    expect(existsSync(journalPath(file))).toBe(true);
  });
});
