import { type ByteSource, MemorySource, type SourceRange } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { type DecodedPickle, type DecodeOptions, decodePickle } from '../pickle/decoder.ts';
import { replaceNodes } from '../pickle/replace.ts';
import { StorageReference } from '../pickle/tensor-call.ts';
import { PyList, PyPersistent, PyTuple, type Value } from '../pickle/values.ts';
import { storageIdOf } from '../torch/storage-id.ts';
import { classOfId, type EmbeddedSource } from './embedded-sources.ts';
import { checkBlocks } from './legacy-blocks.ts';
import { applyStorageViews } from './legacy-views.ts';
import { type StorageTable, type StoredBytes, storageTable } from './storage-table.ts';

/** The first pickle of a stream, and the only version of the format that torch has written since (torch/serialization.py). */
export const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
export const LEGACY_VERSION = 1001;

/** The three pickles before the object take about 150 bytes; they come in one read. */
const HEAD = 1024;
/** The size of the object's pickle is known only at its end, and storages follow it. */
const FIRST_READ = 256 * 1024;
/** Bytes before the elements of a block: their number. */
export const BLOCK_HEADER = 8;

/** A stream of the form that torch.save wrote before 1.6, and still does within a plain pickle. */
export interface LegacyStream {
  /** The pickle of the object, as it was decoded. */
  readonly pickle: DecodedPickle;
  /** The pickles before and after it, in their order: numbers, plain dicts and lists in any stream that torch wrote. */
  readonly others: readonly DecodedPickle[];
  /** The object, its persistent ids those of storages alone. */
  readonly root: Value;
  readonly table: StorageTable;
  readonly sources: readonly EmbeddedSource[];
  /** Where the bytes of the storages were expected; undefined where the stream ends before. */
  readonly dataStart: number | undefined;
  /** Offset after the last block. */
  readonly end: number;
}

export interface LegacyOptions extends DecodeOptions {
  /** Where in which source the bytes `[offset, offset + length)` of the stream stand; in the stream's own by default. */
  place?(offset: number, length: number): SourceRange;
}

/**
 * Reads a legacy stream: the pickles of a magic number, of a version, of facts about the machine, of the object, of the list of
 * storage keys; then, in the order of that list, each storage as a 64-bit number of elements and the elements themselves.
 *
 * @throws UnreadableError `bad-pickle` or `truncated` in the pickles, `bad-archive` where a block disagrees with the pickle. A stream
 * that ends within its blocks is read as far as it goes: the table has the damage, and the cut storages have less content than bytes.
 */
export async function readLegacyStream(
  source: ByteSource,
  options: LegacyOptions = {},
): Promise<LegacyStream> {
  const heads = await readHeads(source);
  const start = heads.reduce((sum, { length }) => sum + length, 0);
  const pickle = await decodePickle(source, start, { firstRead: FIRST_READ, ...options });
  const sources: EmbeddedSource[] = [];
  const root = plainClasses(pickle, sources);
  const persistents = pickle.persistents.filter((node) => !isModuleId(node));

  const keysAt = start + pickle.length;
  const list = await readKeys(source, keysAt);
  const dataStart = list && keysAt + list.pickle.length;
  const claims = claimsOf(persistents);
  const blocks = layoutBlocks(list?.keys ?? [], claims, dataStart ?? source.size);
  await checkBlocks(source, blocks);

  const place = options.place ?? ((offset, length) => ({ source, offset, length }));
  const table = storageTable(persistents, 'little', ({ key }, bytes) => {
    const offset = claims.get(key)?.offset;
    if (offset === undefined) return list ? unlisted(key, bytes) : { content: undefined };
    const there = Math.max(0, Math.min(bytes, source.size - offset - BLOCK_HEADER));
    if (there === 0 && bytes > 0) return { content: undefined };
    return { content: place(offset + BLOCK_HEADER, there) };
  });
  const last = blocks.at(-1);
  return {
    pickle,
    others: list ? [...heads, list.pickle] : heads,
    root,
    table: applyStorageViews(root, table),
    sources,
    dataStart,
    end: last ? last.offset + BLOCK_HEADER + last.bytes : (dataStart ?? source.size),
  };
}

/** torch leaves such a storage as it was allocated, filled with chance. */
function unlisted(key: string, bytes: number): StoredBytes {
  const damage = new UnreadableError(
    'missing-record',
    `storage ${key} of ${bytes} bytes is not in the list of storages: its bytes are lost; get the file again`,
  );
  return { content: undefined, damage };
}

/** The three pickles before the object's. */
async function readHeads(source: ByteSource): Promise<DecodedPickle[]> {
  const head = new MemorySource(await source.read(0, Math.min(HEAD, source.size)));
  // a stream that says more of its machine than any torch does is read as it comes
  const decode = (offset: number) =>
    decodePickle(head, offset).catch((error: unknown) => {
      if (head.size === source.size) throw error;
      return decodePickle(source, offset, { firstRead: FIRST_READ });
    });
  const magic = await decode(0);
  if (magic.value !== LEGACY_MAGIC) {
    throw new UnreadableError(
      'not-a-checkpoint',
      'the stream does not start with the magic number of torch.save',
      0,
    );
  }
  const version = await decode(magic.length);
  if (version.value !== LEGACY_VERSION) {
    throw new UnreadableError(
      'unsupported',
      `legacy torch.save stream of version ${describe(version.value)}, expected ${LEGACY_VERSION}; torch does not load it either`,
      magic.length,
    );
  }
  return [magic, version, await decode(magic.length + version.length)];
}

function describe(value: Value): string {
  return typeof value === 'object' ? (value?.kind ?? 'None') : String(value).slice(0, 40);
}

/** Undefined where the stream ends before the list does: no block can follow then, and torch writes all keys of the pickle. */
async function readKeys(
  source: ByteSource,
  offset: number,
): Promise<{ keys: string[]; pickle: DecodedPickle } | undefined> {
  let pickle: DecodedPickle;
  try {
    pickle = await decodePickle(source, offset, { firstRead: FIRST_READ });
  } catch (error) {
    if (error instanceof UnreadableError && error.code === 'truncated') return undefined;
    throw error;
  }
  const { value } = pickle;
  if (!(value instanceof PyList) || !value.items.every((key) => typeof key === 'string')) {
    throw new UnreadableError(
      'bad-pickle',
      `legacy torch.save stream: the list of storage keys at offset ${offset} is no list of strings; get the file again`,
      offset,
    );
  }
  return { keys: value.items as string[], pickle };
}

/** A storage as the pickle claims it, and where the list of keys places it. */
interface Claim {
  readonly key: string;
  readonly numel: number;
  readonly bytes: number;
  /** Of the header of its block; undefined until it is met in the list. */
  offset: number | undefined;
}

/** A storage in the file: `numel` as 64-bit number, then `bytes` bytes. */
export type Block = Claim & { readonly offset: number };

function claimsOf(persistents: readonly PyPersistent[]): Map<string, Claim> {
  const claims = new Map<string, Claim>();
  for (const persistent of persistents) {
    const storage = storageIdOf(persistent);
    if (!storage || claims.has(storage.key)) continue;
    const { key, numel, dtype } = storage;
    claims.set(key, { key, numel, bytes: numel * (dtype?.itemSize ?? 1), offset: undefined });
  }
  return claims;
}

/** Lays the claims one behind the other in the order of the list, and gives those that stand in it. */
function layoutBlocks(keys: readonly string[], claims: ReadonlyMap<string, Claim>, start: number): Block[] {
  const blocks: Block[] = [];
  let offset = start;
  for (const key of keys) {
    const claim = claims.get(key);
    if (claim?.offset !== undefined || !claim) {
      const shown = JSON.stringify(key.slice(0, 40));
      throw new UnreadableError(
        'bad-archive',
        claim
          ? `legacy torch.save stream: storage ${shown} is listed twice; get the file again`
          : `legacy torch.save stream: storage ${shown} is listed, but no tensor has it, so its size is not known; get the file again`,
        offset,
      );
    }
    claim.offset = offset;
    blocks.push(claim as Block);
    offset += BLOCK_HEADER + claim.bytes;
  }
  return blocks;
}

/**
 * torch before 0.4 gave the classes of whole modules as persistent ids, `('module', class, file, source text)`, and its loader puts
 * the class there. So does this; the sources are kept aside.
 */
function plainClasses(pickle: DecodedPickle, sources: EmbeddedSource[]): Value {
  if (!pickle.persistents.some(isModuleId)) return pickle.value;
  return replaceNodes(pickle.value, (node) =>
    node instanceof PyPersistent && isModuleId(node)
      ? classOfId(new PyTuple((node.id as PyTuple).items.slice(1)), sources)
      : undefined,
  );
}

function isModuleId(node: PyPersistent): boolean {
  if (node instanceof StorageReference) return false;
  const { id } = node;
  return id instanceof PyTuple && id.items[0] === 'module' && id.items.length >= 2;
}
