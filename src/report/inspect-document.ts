import type { Checkpoint, Container } from '../checkpoint/checkpoint.ts';
import type { Path } from '../checkpoint/path.ts';
import { type Producer, producerOf } from '../checkpoint/producer.ts';
import { type Role, rolesOf } from '../checkpoint/roles.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { locationOf, type Tensor, type TensorKind } from '../checkpoint/tensor.ts';
import { TensorFinder } from '../checkpoint/tensor-index.ts';
import { type Totals, totalsOf } from '../checkpoint/totals.ts';
import type { Finding } from '../diagnose/finding.ts';
import type { Loading } from '../diagnose/loading.ts';
import type { UnreadableError } from '../io/errors.ts';
import { entriesOf } from '../pickle/values.ts';
import { type Json, plainRoot } from './plain-value.ts';

/** An integer; a decimal string where it passes 2^53 and a JSON number would round it. */
export type Integer = number | string;

/** `subjects` of a finding beyond this are left to `--all-subjects`. */
const MAX_SUBJECTS = 20;

export interface TensorEntry {
  readonly path: Path;
  readonly name: string;
  readonly kind: TensorKind;
  readonly dtype: string;
  readonly shape: readonly Integer[];
  readonly stride: readonly Integer[];
  readonly storageOffset: Integer;
  readonly elements: Integer;
  readonly bytes: Integer;
  /** Key of the storage; null for meta tensors, and for sparse and nested ones, whose parts have storages of their own. */
  readonly storage: string | null;
  /** `meta` for meta tensors; null where there is no storage to have one. */
  readonly location: string | null;
  readonly requiresGrad: boolean;
}

export interface StorageEntry {
  readonly key: string;
  readonly dtype: string;
  readonly location: string;
  readonly bytes: Integer;
  readonly fileOffset: number | null;
}

export interface GlobalEntry {
  readonly name: string;
  readonly count: number;
  readonly weightsOnly: boolean;
}

export interface RoleEntry extends Omit<Role, 'bytes'> {
  readonly bytes: Integer;
}

export interface FileEntry {
  readonly path: string;
  /** Left out where the size is not known, because the file can't be opened. */
  readonly bytes?: number;
}

export interface ErrorEntry {
  /** An `UnreadableCode`; `internal` for a defect of ours. */
  readonly code: string;
  readonly message: string;
  readonly offset?: number;
}

export type ContainerEntry = Pick<
  Container,
  'kind' | 'pickleProtocol' | 'byteOrder' | 'root' | 'entries' | 'folder'
>;

/** What `inspect` says of one file. Contract of DESIGN: `ckpt-doctor/inspect/1`. */
export interface InspectDocument {
  readonly schema: typeof INSPECT_SCHEMA;
  readonly file: FileEntry;
  /** Damage that did not keep the rest from being read. */
  readonly error?: ErrorEntry;
  readonly container: ContainerEntry;
  /** What wrote the file, as far as it shows. */
  readonly producer?: Producer;
  /** What its parts are there for; left out where it is of one part only. */
  readonly roles?: readonly RoleEntry[];
  readonly totals: TotalsEntry;
  readonly tensors: readonly TensorEntry[];
  readonly storages: readonly StorageEntry[];
  readonly globals: readonly GlobalEntry[];
  readonly metadata: { readonly [key: string]: Json };
  readonly findings: readonly Finding[];
  /** What loading the file would import and run, where that was asked for. */
  readonly loading?: Loading;
}

/** What `inspect` says of a file that can't be read to the end of what was asked. */
export interface UnreadableDocument {
  readonly schema: typeof INSPECT_SCHEMA;
  readonly file: FileEntry;
  readonly error: ErrorEntry;
  /** What was found before the error. */
  readonly findings: readonly Finding[];
  /** What loading it would have run by then, where that was asked for. */
  readonly loading?: Loading;
}

export interface TotalsEntry extends Omit<Totals, SummedName> {
  readonly parameters: Integer;
  readonly tensorBytes: Integer;
  readonly storageBytes: Integer;
}
type SummedName = 'parameters' | 'tensorBytes' | 'storageBytes';

export const INSPECT_SCHEMA = 'ckpt-doctor/inspect/1';

export interface InspectOptions {
  /** List every subject of a finding. */
  readonly allSubjects?: boolean;
  /** List only the tensors whose name this accepts; the totals stay those of the file. */
  readonly filter?: (name: string) => boolean;
  /** What loading the file would import and run. */
  readonly loading?: Loading;
}

export function inspectDocument(
  checkpoint: Checkpoint,
  findings: readonly Finding[],
  options: InspectOptions = {},
): InspectDocument {
  const producer = producerOf(checkpoint);
  const roles = rolesOf(checkpoint);
  let tensors: readonly TensorEntry[] | undefined;
  return {
    schema: INSPECT_SCHEMA,
    file: { path: checkpoint.path, bytes: checkpoint.fileSize ?? checkpoint.source.size },
    ...(checkpoint.damage.length > 0 && { error: damageEntry(checkpoint.damage) }),
    container: containerEntry(checkpoint.container),
    ...(producer && { producer }),
    ...(roles.length > 1 && { roles: roles.map((role) => ({ ...role, bytes: integer(role.bytes) })) }),
    totals: totalsEntry(totalsOf(checkpoint)),
    // a report for a person names few of them, if any
    get tensors() {
      tensors ??= listedOf(checkpoint, options.filter).tensors.map(tensorEntry);
      return tensors;
    },
    get storages() {
      const dtypes = storageDtypes(checkpoint);
      return checkpoint.storages.map((storage) => storageEntry(storage, dtypes.get(storage)));
    },
    globals: checkpoint.globals.map(({ name, count, weightsOnly }) => ({ name, count, weightsOnly })),
    metadata: { ...annotationsOf(checkpoint), ...metadataOf(checkpoint) },
    findings: cutSubjects(findings, options),
    ...(options.loading && { loading: options.loading }),
  };
}

/** The tensors that a document lists, and all storages. */
export type Listed = Pick<Checkpoint, 'tensors' | 'storages'>;

/** What the document of a checkpoint lists. */
export function listedOf(checkpoint: Listed, filter?: (name: string) => boolean): Listed {
  if (!filter) return checkpoint;
  const { tensors, storages } = checkpoint;
  return { tensors: tensors.filter(({ name }) => filter(name)), storages };
}

export function unreadableDocument(
  path: string,
  bytes: number | undefined,
  error: ErrorEntry,
  findings: readonly Finding[] = [],
  loading?: Loading,
): UnreadableDocument {
  const file = { path, ...(bytes !== undefined && { bytes }) };
  return { schema: INSPECT_SCHEMA, file, error, findings, ...(loading && { loading }) };
}

export function errorEntry({ code, message, offset }: UnreadableError): ErrorEntry {
  return { code, message, ...(offset !== undefined && { offset }) };
}

/** The first damage, and how much more there is. */
export function damageEntry(damage: readonly UnreadableError[]): ErrorEntry {
  const [first] = damage as [UnreadableError];
  const entry = errorEntry(first);
  if (damage.length === 1) return entry;
  return { ...entry, message: `${entry.message} (and ${damage.length - 1} more like this)` };
}

/** Findings with their subjects cut to what a reader takes in; `count` still says how many there are. */
export function cutSubjects(findings: readonly Finding[], options: InspectOptions = {}): readonly Finding[] {
  if (options.allSubjects) return findings;
  return findings.map((finding) =>
    finding.subjects.length > MAX_SUBJECTS
      ? { ...finding, subjects: finding.subjects.slice(0, MAX_SUBJECTS) }
      : finding,
  );
}

/** A whole number that may have lost its last digits above 2^53, as what it stands for. */
export function integer(value: number): Integer {
  if (Number.isSafeInteger(value)) return value;
  return Number.isFinite(value) ? BigInt(Math.trunc(value)).toString() : String(value);
}

export function integers(values: readonly number[]): readonly Integer[] {
  return values.every(Number.isSafeInteger) ? values : values.map(integer);
}

/** Exact where the product of the sizes passes 2^53, which the pickle of a meta tensor may claim. */
function elementsOf({ elements, shape }: Tensor): Integer {
  if (Number.isSafeInteger(elements)) return elements;
  if (!shape.every((size) => Number.isFinite(size))) return integer(elements);
  return shape.reduce((product, size) => product * BigInt(Math.trunc(size)), 1n).toString();
}

function bytesOf(tensor: Tensor): Integer {
  if (Number.isSafeInteger(tensor.bytes)) return tensor.bytes;
  const elements = elementsOf(tensor);
  if (typeof elements === 'string' && /^\d+$/.test(elements)) {
    const perByte = BigInt(tensor.dtype.valuesPerByte ?? 1);
    return ((BigInt(elements) * BigInt(tensor.dtype.itemSize) + perByte - 1n) / perByte).toString();
  }
  return integer(tensor.bytes);
}

function containerEntry({
  kind,
  pickleProtocol,
  byteOrder,
  root,
  entries,
  folder,
}: Container): ContainerEntry {
  return {
    kind,
    ...(pickleProtocol !== undefined && { pickleProtocol }),
    byteOrder,
    ...(root !== undefined && { root }),
    ...(entries !== undefined && { entries }),
    ...(folder !== undefined && { folder }),
  };
}

function totalsEntry(totals: Totals): TotalsEntry {
  return {
    ...totals,
    parameters: integer(totals.parameters),
    tensorBytes: integer(totals.tensorBytes),
    storageBytes: integer(totals.storageBytes),
  };
}

export function tensorEntry(tensor: Tensor): TensorEntry {
  return {
    path: tensor.path,
    name: tensor.name,
    kind: tensor.kind,
    dtype: tensor.dtype.name,
    shape: integers(tensor.shape),
    stride: integers(tensor.stride),
    storageOffset: integer(tensor.storageOffset),
    elements: elementsOf(tensor),
    bytes: bytesOf(tensor),
    storage: tensor.storage?.key ?? null,
    location: locationOf(tensor) ?? null,
    requiresGrad: tensor.requiresGrad,
  };
}

function storageEntry(storage: Storage, dtypeOfTensors: string | undefined): StorageEntry {
  return {
    key: storage.key,
    dtype: storage.dtype?.name ?? dtypeOfTensors ?? 'uint8',
    location: storage.location,
    bytes: integer(storage.bytes),
    fileOffset: storage.fileOffset,
  };
}

/** For untyped storages, the dtype of their tensors where they agree; a storage of bytes where they don't. */
function storageDtypes({ tensors, storages }: Checkpoint): Map<Storage, string> {
  const dtypes = new Map<Storage, string>();
  if (storages.every(({ dtype }) => dtype !== undefined)) return dtypes;
  for (const { storage, dtype } of tensors) {
    if (!storage || storage.dtype) continue;
    const known = dtypes.get(storage);
    dtypes.set(storage, known === undefined || known === dtype.name ? dtype.name : 'uint8');
  }
  return dtypes;
}

/** What the container says beside the checkpoint. */
function annotationsOf({ annotations }: Checkpoint): { readonly [key: string]: Json } {
  return annotations ? plainRoot(annotations, () => true) : {};
}

/** The values of the root mapping that hold no tensor. */
function metadataOf(checkpoint: Checkpoint): { readonly [key: string]: Json } {
  const entries = entriesOf(checkpoint.root);
  if (!entries) return {};
  // the root of a state_dict holds nothing else
  const finder = new TensorFinder(checkpoint.tensors);
  if (entries.values.every((value) => finder.find(value) !== undefined)) return {};
  const withTensors = new Set<string | number | undefined>();
  for (const { path } of checkpoint.tensors) withTensors.add(path[0]);
  return plainRoot(entries, (segment) => !withTensors.has(segment));
}
