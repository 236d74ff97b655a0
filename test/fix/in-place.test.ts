import {
  chmodSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findStateDicts } from '../../src/checkpoint/state-dicts.ts';
import { fixCheckpoint } from '../../src/fix/fix.ts';
import { planInPlace, writeInPlace } from '../../src/fix/in-place.ts';
import type { Operation } from '../../src/fix/operation.ts';
import { mapLocation } from '../../src/fix/operations/map-location.ts';
import { undoFix } from '../../src/fix/undo.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { RefusedError } from '../../src/io/errors.ts';
import { fileState } from '../../src/io/in-place-file.ts';
import { workplace } from './workplace.ts';

const { folder, copyOf } = workplace();

/** What torch looks up in the archive. */
async function recordsOf(file: string): Promise<string[]> {
  const checkpoint = await openCheckpoint(file);
  await checkpoint.close();
  return checkpoint.records.map(({ name }) => name);
}

describe('a fix in place', () => {
  it('heals, moves no storage, changes no byte before the old end, and leaves nothing beside the file', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const original = readFileSync(file);
    const before = await openCheckpoint(file);
    await before.close();
    const result = await fixCheckpoint(file, { inPlace: true, auto: true });
    expect(result).toMatchObject({ mode: 'append', output: file, verified: true, bytesIn: original.length });
    expect(result.findingsBefore.map(({ severity }) => severity)).toContain('warning');
    expect(result.findingsAfter.filter(({ severity }) => severity !== 'info')).toEqual([]);
    expect(result.bytesOut).toBe(statSync(file).size);
    const healed = readFileSync(file);
    expect(healed.subarray(0, original.length).equals(original)).toBe(true);
    const after = await openCheckpoint(file);
    await after.close();
    const places = (storages: typeof after.storages) =>
      storages.map(({ key, fileOffset, bytes }) => [key, fileOffset, bytes]);
    expect(places(after.storages)).toEqual(places(before.storages));
    expect(new Set(after.storages.map(({ location }) => location))).toEqual(new Set(['cpu']));
    expect(readdirSync(folder).filter((name) => name.includes('ckpt-doctor'))).toEqual([]);
  });

  it('lists no name twice, not after several fixes either', async () => {
    const file = copyOf('clean/adam_and_scheduler.pth');
    for (const addPrefix of ['a.', 'b.', 'c.']) await fixCheckpoint(file, { inPlace: true, addPrefix });
    const names = (await recordsOf(file)).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('.ckpt-doctor/undo');
    expect(names).not.toContain('.data/serialization_id');
  });

  it('writes nothing where the file is so already', async () => {
    const file = copyOf('clean/state_dict.pth');
    const original = readFileSync(file);
    const result = await fixCheckpoint(file, { inPlace: true, mapLocation: 'cpu' });
    expect(result).toMatchObject({ verified: true, bytesOut: original.length });
    expect(readFileSync(file).equals(original)).toBe(true);
  });

  it('plans without writing', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const original = readFileSync(file);
    const result = await fixCheckpoint(file, { inPlace: true, auto: true, dryRun: true });
    expect(result.bytesOut).toBeGreaterThan(original.length);
    expect(readFileSync(file).equals(original)).toBe(true);
  });

  it('is left behind when a copy is written', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    await fixCheckpoint(file, { inPlace: true, auto: true });
    const output = path.join(folder, 'copy-of-healed.pth');
    await fixCheckpoint(file, { output, mapLocation: 'cpu' });
    expect(await recordsOf(output)).not.toContain('.ckpt-doctor/undo');
    await expect(undoFix(output)).rejects.toThrow(/nothing to take back/);
  });
});

describe('the records by which torch 2.7 computes offsets', () => {
  const COMPUTED = ['.format_version', '.storage_alignment'];

  it('stay where storages keep their order', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    await fixCheckpoint(file, { inPlace: true, auto: true });
    expect(await recordsOf(file)).toEqual(expect.arrayContaining(COMPUTED));
  });

  it.each(['clean/alignment_16.pth', 'clean/alignment_512.pth'])(
    'stay with the alignment of %s',
    async (fixture) => {
      const file = copyOf(fixture);
      await fixCheckpoint(file, { inPlace: true, addPrefix: 'net.' });
      expect(await recordsOf(file)).toEqual(expect.arrayContaining(COMPUTED));
    },
  );

  it.each([
    ['the first storage is no longer used', (keys: unknown[]) => keys.splice(0, 1)],
    ['one in the middle is no longer used', (keys: unknown[]) => keys.splice(2, 1)],
    ['the order changes', (keys: unknown[]) => keys.reverse()],
  ])('go where %s', async (_, change) => {
    const file = copyOf('clean/state_dict.pth');
    const operation: Operation = {
      name: 'test',
      apply(draft) {
        for (const { runs } of findStateDicts(draft.checkpoint)) {
          for (const { keys, values } of runs) {
            change(keys);
            change(values);
          }
        }
        return { name: 'test', affected: 1, noun: 'keys', notes: [] };
      },
    };
    const state = await fileState(file);
    const checkpoint = await openCheckpoint(file);
    const plan = await planInPlace(checkpoint, [operation], state);
    await writeInPlace(plan, state, {});
    await checkpoint.close();
    const names = await recordsOf(file);
    for (const name of COMPUTED) expect(names).not.toContain(name);
    expect(names).toContain('version');
  });

  it('go where another tool has zipped the archive again', async () => {
    const file = copyOf('archives/whole_but_repacked.pth');
    await fixCheckpoint(file, { inPlace: true, mapLocation: 'cpu' });
    const names = await recordsOf(file);
    for (const name of COMPUTED) expect(names).not.toContain(name);
  });
});

describe('what a new directory alone heals', () => {
  it.each([
    ['archives/foreign_first.pth', /outside the folder/],
    ['archives/macos.pth', /outside the folder/],
    ['archives/twice_the_same.pth', /same name/],
    ['archives/without_version.pth', /version is missing/],
    ['archives/version_99.pth', /version is none/],
    ['archives/byteorder_line.pth', /byteorder/],
    ['archives/pickle_crc.pth', /CRC-32/],
    ['archives/local_name.pth', /contradicts the directory/],
  ])('%s', async (fixture, note) => {
    const file = copyOf(fixture);
    const original = readFileSync(file);
    const { plan } = await fixCheckpoint(file, { inPlace: true, mapLocation: 'cpu' });
    expect(plan.notes.join('\n')).toMatch(note);
    const after = await openCheckpoint(file);
    await after.close();
    expect(after.records.filter(({ outsideRoot }) => outsideRoot)).toEqual([]);
    expect(after.archive).toMatchObject({ version: '3\n', headerFaults: [] });
    await undoFix(file);
    expect(readFileSync(file).equals(original)).toBe(true);
  });
});

describe('a fix in place is refused, and nothing is written,', () => {
  it('for what gives storages other bytes, by the names of the flags and the storages', async () => {
    const file = copyOf('clean/tied_weights.pth');
    const original = readFileSync(file);
    const options = { inPlace: true, untie: true, compact: true, addPrefix: 'net.' };
    await expect(fixCheckpoint(file, options)).rejects.toThrow(
      /a copy is needed, because .*storages? .* gets other bytes from --untie; leave --in-place out/,
    );
    await expect(fixCheckpoint(file, { ...options, dtype: 'bfloat16' })).rejects.toThrow(
      /gets other bytes from --untie and --dtype bfloat16/,
    );
    expect(readFileSync(file).equals(original)).toBe(true);
  });

  it.each([
    ['for deflated storages', 'clean/rezipped_deflated.pth', /storages 0, 1, 2, 3, 4 and 9 more is deflated/],
    ['for records without a folder', 'archives/no_folder.pth', /in no folder/],
    ['for records in two folders', 'archives/two_folders_deep.pth', /in the folder 'download\/archive'/],
    [
      'for a record that torch calls too long',
      'archives/record_long.pth',
      /storage 0 has a record of another length/,
    ],
    ['for a damaged file', 'damaged/record_missing.pth', /data\/1 is missing/],
  ])('%s', async (_, fixture, reason) => {
    const file = copyOf(fixture);
    const original = readFileSync(file);
    await expect(fixCheckpoint(file, { inPlace: true, mapLocation: 'cpu' })).rejects.toThrow(reason);
    expect(readFileSync(file).equals(original)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('journal'))).toEqual([]);
  });

  it('for a file that nobody may write to, also by the superuser', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    chmodSync(file, 0o444);
    await expect(fixCheckpoint(file, { inPlace: true, auto: true })).rejects.toThrow(
      /read-only \(mode 0444\)/,
    );
    await expect(undoFix(file)).rejects.toThrow(/read-only/);
  });

  it('for a file that changed after it was looked at', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const state = await fileState(file);
    const checkpoint = await openCheckpoint(file);
    const plan = await planInPlace(checkpoint, [mapLocation('cpu')], state);
    const changed = readFileSync(file);
    changed[changed.length - 1] = 1;
    writeFileSync(file, changed);
    await expect(writeInPlace(plan, state, {})).rejects.toThrow(RefusedError);
    await checkpoint.close();
    expect(readFileSync(file).equals(changed)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('journal'))).toEqual([]);
  });
});

describe('a file of several names', () => {
  it('is healed behind a symbolic link, which stays one', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const link = path.join(folder, 'link.pth');
    symlinkSync(file, link);
    const { plan } = await fixCheckpoint(link, { inPlace: true, auto: true });
    expect(plan.notes).toContainEqual(expect.stringContaining('behind the link'));
    expect(await recordsOf(file)).toContain('.ckpt-doctor/undo');
    await undoFix(link);
    expect(readFileSync(link).equals(readFileSync('fixtures/broken/ddp_cuda.pth'))).toBe(true);
  });

  it('is healed under all of them, and that is said', async () => {
    const file = copyOf('broken/ddp_cuda.pth');
    const other = path.join(folder, 'other-name.pth');
    linkSync(file, other);
    const { plan } = await fixCheckpoint(file, { inPlace: true, auto: true });
    expect(plan.notes).toContainEqual(expect.stringContaining('2 names'));
    expect(await recordsOf(other)).toContain('.ckpt-doctor/undo');
  });
});
