import type { ArchiveRecord, Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { METHOD_DEFLATED } from '../zip/constants.ts';

// A file may have a hundred thousand tensors, as many storages and records, and hardly any of them is what a rule looks for. So
// they are gone through once, and a rule looks at the few that stand out.

export interface StorageCensus {
  /** Each location once, in the order of the storages. */
  readonly locations: ReadonlySet<string>;
  /** Those without content, or with more or less of it than they claim. */
  readonly unfit: readonly Storage[];
  /** Those without a dtype of their own. */
  readonly untyped: readonly Storage[];
  /** Those that begin at no multiple of their element size in the file. */
  readonly misaligned: readonly Storage[];
}

/** Bytes of complex128, the widest element that torch has. */
const WIDEST = 16;

export function storageCensus({ storages }: Pick<Checkpoint, 'storages'>): StorageCensus {
  const locations = new Set<string>();
  const unfit: Storage[] = [];
  const untyped: Storage[] = [];
  const misaligned: Storage[] = [];
  let last: string | undefined;
  for (let i = 0; i < storages.length; i++) {
    const storage = storages[i] as Storage;
    if (storage.location !== last) {
      last = storage.location;
      locations.add(last);
    }
    if (storage.content?.length !== storage.bytes) unfit.push(storage);
    if (storage.dtype === undefined) untyped.push(storage);
    if (isMisaligned(storage)) misaligned.push(storage);
  }
  return { locations, unfit, untyped, misaligned };
}

function isMisaligned({ fileOffset, dtype, bytes }: Storage): boolean {
  // what is aligned for the widest element, as nearly everything is, is so for all others; and bits are had sooner than remainders
  if (fileOffset === null || (fileOffset & (WIDEST - 1)) === 0) return false;
  return bytes > 0 && fileOffset % Math.min(dtype?.itemSize ?? 1, WIDEST) !== 0;
}

export interface TensorCensus {
  /** Name of each dtype once, in the order of the tensors. */
  readonly dtypes: ReadonlySet<string>;
  /** Those that have no values, or are made of such. */
  readonly meta: readonly Tensor[];
  /** Those with a lazy bit: their bytes are those of the conjugate, or of the negative. */
  readonly lazy: readonly Tensor[];
}

export function tensorCensus({ tensors }: Pick<Checkpoint, 'tensors'>): TensorCensus {
  const dtypes = new Set<string>();
  const meta: Tensor[] = [];
  const lazy: Tensor[] = [];
  let last: Tensor['dtype'] | undefined;
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i] as Tensor;
    if (tensor.dtype !== last) {
      last = tensor.dtype;
      dtypes.add(last.name);
    }
    if ((tensor.storage === undefined || tensor.parts.length > 0) && isMeta(tensor)) meta.push(tensor);
    if (tensor.conj || tensor.neg) lazy.push(tensor);
  }
  return { dtypes, meta, lazy };
}

function isMeta({ kind, parts }: Tensor): boolean {
  return kind === 'meta' || parts.some(isMeta);
}

export interface RecordCensus {
  /** Those beside the folder of the checkpoint. */
  readonly outside: readonly ArchiveRecord[];
  /** Those that are called anything else than `data/17`. */
  readonly named: readonly ArchiveRecord[];
  /** Those with bytes that are compressed. */
  readonly deflated: readonly ArchiveRecord[];
  /** Those with bytes and without a CRC-32. */
  readonly unsummed: readonly ArchiveRecord[];
}

export function recordCensus(checkpoint: Pick<Checkpoint, 'records' | 'unusualRecords'>): RecordCensus {
  const records = checkpoint.unusualRecords ?? checkpoint.records;
  const outside: ArchiveRecord[] = [];
  const named: ArchiveRecord[] = [];
  const deflated: ArchiveRecord[] = [];
  const unsummed: ArchiveRecord[] = [];
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as ArchiveRecord;
    if (record.outsideRoot) outside.push(record);
    if (!isStorageName(record.name)) named.push(record);
    if (record.method === METHOD_DEFLATED && record.size > 0) deflated.push(record);
    if (record.crc32 === 0 && record.size > 0) unsummed.push(record);
  }
  return { outside, named, deflated, unsummed };
}

/** `data/17`, as almost all records of an archive are called. */
function isStorageName(name: string): boolean {
  if (!name.startsWith('data/') || name.length === 5) return false;
  for (let at = 5; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
