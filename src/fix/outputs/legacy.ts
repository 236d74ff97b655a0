import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Storage } from '../../checkpoint/storage.ts';
import { namesOn } from '../../diagnose/storage-names.ts';
import { listed } from '../../diagnose/wording.ts';
import { BLOCK_HEADER, LEGACY_MAGIC, LEGACY_VERSION } from '../../formats/legacy-stream.ts';
import type { ByteSink } from '../../io/byte-sink.ts';
import { RefusedError } from '../../io/errors.ts';
import type { Segment } from '../../io/segment.ts';
import { WindowedWriter } from '../../io/windowed-writer.ts';
import { type EncodedPickle, encodePickle } from '../../pickle/encoder.ts';
import { PyDict, PyList } from '../../pickle/values.ts';
import type { WriteOptions } from '../../zip/writer.ts';
import { wholeContent } from '../convert-storage.ts';
import { encodeOperated, type Operated, type PlannedStorage, type Treatment } from '../plan.ts';
import { resolveBits } from '../resolve-bits.ts';
import { differs, verifyOutput } from '../verify.ts';
import { Checksums } from './checksums.ts';
import type { OutputFilePlan } from './output.ts';

/** A stream of the form before 1.6, and what was mended for it. */
export interface LegacyPlan extends Treatment {
  readonly file: OutputFilePlan;
}

/**
 * Plans a stream as torch.save wrote it before 1.6, and still does with `_use_new_zipfile_serialization=False`: the pickles of a magic
 * number, of a version, of facts about the machine that no torch reads, of the object, of the list of storage keys; then each storage
 * as its number of elements and the elements.
 *
 * @throws RefusedError for storages without a dtype of their own (float8, uint16 to uint64, complex32, bits): no torch reads those in
 * this form, torch 2.14 fails with "UntypedStorage has no attribute 'dtype'".
 */
export async function planLegacy(operated: Operated): Promise<LegacyPlan> {
  const notes = [...operated.notes];
  const made = resolveBits(operated.draft);
  if (made > 0) notes.push(`${made} conjugated or negated views become the numbers that they stand for`);
  const { checkpoint } = operated.draft;
  refuseUntyped(checkpoint);
  const extra = checkpoint.records.filter(isCarried).length;
  if (extra > 0)
    notes.push(`${extra} records beside the checkpoint are left out: the form has no place for them`);
  const treatment = await encodeOperated({ ...operated, notes }, 'legacy');
  return { ...treatment, file: legacyFile(treatment) };
}

/** Whether somebody put a record into the archive that is none of torch's own. */
function isCarried({ name }: { readonly name: string }): boolean {
  return !/^(data\.pkl|byteorder|version|\.[\w/]+|data\/.*|.*\/)$/i.test(name);
}

function refuseUntyped(checkpoint: Checkpoint): void {
  const untyped = checkpoint.storages.filter(({ dtype }) => dtype === undefined);
  if (untyped.length === 0) return;
  const names = namesOn(checkpoint, new Set(untyped));
  const dtypes = new Set(
    checkpoint.tensors.filter(({ storage }) => storage && !storage.dtype).map(({ dtype }) => dtype.name),
  );
  throw new RefusedError(
    `torch-legacy has no storages for ${[...dtypes].join(', ') || 'raw bytes'} (${listed(names)}): no torch would load them; cast them with --dtype, or leave them out with --drop`,
  );
}

function legacyFile(treatment: Treatment): OutputFilePlan {
  const { pickle, storages } = treatment;
  const lead = [LEGACY_MAGIC, LEGACY_VERSION, machineFacts()].map((value) => encodePickle(value));
  const keys = encodePickle(new PyList(storages.map(({ key }) => key)));
  const pickles = [...lead, pickle, keys];
  const size = storages.reduce(
    (sum, { storage }) => sum + BLOCK_HEADER + storage.bytes,
    pickles.reduce((sum, { length }) => sum + length, 0),
  );
  return {
    size,
    write: (sink, options) => write(sink, size, pickles, storages, options),
    async verify(written, level) {
      if (written.container.kind !== 'torch-legacy') throw differs(`the file is ${written.container.kind}`);
      await verifyOutput(treatment, written, level);
    },
  };
}

/** As torch writes them on every machine; it reads none of them. */
function machineFacts(): PyDict {
  const sizes = new PyDict(['short', 'int', 'long'], [2, 4, 4]);
  return new PyDict(['protocol_version', 'little_endian', 'type_sizes'], [LEGACY_VERSION, true, sizes]);
}

async function write(
  sink: ByteSink,
  size: number,
  pickles: readonly EncodedPickle[],
  storages: readonly PlannedStorage[],
  { onProgress }: WriteOptions,
): Promise<string[]> {
  let written = 0;
  const writer = new WindowedWriter(sink, size, (bytes) => {
    written += bytes;
    onProgress?.(written, size);
  });
  const checksums = new Checksums();
  try {
    for (const { content } of pickles)
      for (const segment of content) await writer.appendSegment(segment, () => {});
    for (const { storage } of storages) {
      const before = writer.append(BLOCK_HEADER, (into, at) => {
        into.writeBigInt64LE(BigInt(storage.numel), at);
      });
      if (before !== undefined) await before;
      const content = contentOf(storage);
      const waiting = writer.appendSegment(content, checksums.of(storage, content));
      if (waiting !== undefined) await waiting;
    }
    await writer.end();
  } finally {
    await writer.settle();
  }
  return checksums.corrupted();
}

function contentOf(storage: Storage): Segment {
  if (storage.bytes === 0) return new Uint8Array();
  const content = wholeContent(storage);
  if (content === undefined) throw new RefusedError(`storage ${storage.key} has no bytes in the file`);
  return content;
}
