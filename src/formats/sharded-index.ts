import type { Checkpoint, CheckpointFile, Sharding } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { entriesOf, PyDict, PyFloat, type Value } from '../pickle/values.ts';
import { assembleCheckpoint } from './assemble.ts';
import { faultTraces, mergeGlobals, mergeStorages, mergeTraces, type Part } from './merge.ts';
import { type OpenSibling, openSource } from './open.ts';
import { retold } from './retold.ts';

/** An index of a model with a million tensors takes less. */
const LONGEST_INDEX = 100_000_000;
/** No model has more files, and each is opened. */
export const MOST_SHARDS = 10_000;
/** Shards that are opened at a time. */
const AT_ONCE = 8;

/** What the index file says: `{"metadata": {"total_size": …}, "weight_map": {tensor: file}}`, as transformers writes it. */
interface Index {
  readonly weightMap: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, unknown>;
}

/**
 * Opens an index of shards with the shards beside it as one dict of tensors, in the order of the shards. A shard that is missing
 * or can't be read is told as damage; where the index and the shards disagree stands in `sharding`.
 *
 * @throws UnreadableError where the index is none, or none of its shards is there.
 */
export async function openShardedIndex(
  source: ByteSource,
  path: string,
  sibling: OpenSibling | undefined,
): Promise<Checkpoint> {
  const index = await readIndex(source);
  if (!sibling) {
    throw new UnreadableError(
      'unsupported',
      'an index of shards can only be opened where its shards stand beside it; give the path of the file',
    );
  }
  const names = [...new Set(index.weightMap.values())].sort();
  if (names.length > MOST_SHARDS) {
    throw new UnreadableError(
      'limit',
      `the index names ${names.length} shards, more than the limit of ${MOST_SHARDS}`,
    );
  }
  const outcomes = await openAll(names, sibling, path);
  const parts = outcomes.flatMap((outcome) => ('checkpoint' in outcome ? [outcome] : []));
  const failures = outcomes.flatMap((outcome) => ('checkpoint' in outcome ? [] : [outcome]));
  try {
    if (failures.length === names.length && names.length > 0) throw noShards(failures, names.length);
    const { root, sharding } = merge(index, parts, [
      { name: path.split(/[\\/]/).at(-1) ?? path, bytes: source.size },
      ...outcomes.map(({ name, bytes }) => ({ name, bytes })),
    ]);
    const table = mergeStorages(parts);
    const damage = [...failures.map((failure) => lostShard(failure, index)), ...table.damage];
    const checkpoint = assembleCheckpoint({
      path,
      source,
      container: { kind: 'sharded-index', byteOrder: 'little', entries: names.length },
      root,
      table: { ...table, damage },
      traces: [...mergeTraces(parts), ...failures.flatMap(({ name, error }) => faultTraces(name, error))],
      sharding,
      annotations: new PyDict(['metadata'], [plain(index.metadata)]),
      closeAlso: parts.map(({ checkpoint }) => checkpoint),
    });
    return { ...checkpoint, globals: mergeGlobals(parts) };
  } catch (error) {
    await Promise.all(parts.map(({ checkpoint }) => checkpoint.close()));
    throw error;
  }
}

async function readIndex(source: ByteSource): Promise<Index> {
  const bad = (what: string) =>
    new UnreadableError('bad-archive', `index of shards: ${what}; get the file again`);
  if (source.size > LONGEST_INDEX) {
    throw new UnreadableError(
      'limit',
      `index of ${source.size} bytes is longer than the limit of ${LONGEST_INDEX}`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(await source.read(0, source.size)).toString('utf8'));
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    throw bad(`no JSON (${(error as Error).message.replace(/\s+/g, ' ').slice(0, 120)})`);
  }
  const { weight_map: weightMap, metadata } = (json ?? {}) as Record<string, unknown>;
  if (!isObject(weightMap)) throw bad('weight_map must be an object that names the file of each tensor');
  const files = new Map<string, string>();
  for (const [key, file] of Object.entries(weightMap)) {
    if (typeof file !== 'string')
      throw bad(`the file of tensor ${JSON.stringify(key.slice(0, 80))} must be a string`);
    files.set(key, file);
  }
  return { weightMap: files, metadata: new Map(isObject(metadata) ? Object.entries(metadata) : []) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Shard extends Part {
  readonly bytes: number;
}

interface Failure {
  readonly name: string;
  readonly bytes: number | undefined;
  readonly error: UnreadableError;
}

async function openAll(
  names: readonly string[],
  sibling: OpenSibling,
  path: string,
): Promise<(Shard | Failure)[]> {
  const outcomes = new Array<Shard | Failure>(names.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < names.length; at = next++) {
      outcomes[at] = await openShard(names[at] as string, sibling, path);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcomes;
}

async function openShard(name: string, sibling: OpenSibling, path: string): Promise<Shard | Failure> {
  let source: ByteSource | undefined;
  try {
    source = await sibling(name);
    const checkpoint = await openSource(source, path);
    if (entriesOf(checkpoint.root)) return { name, bytes: source.size, checkpoint };
    throw new UnreadableError('bad-archive', 'holds no dict of tensors');
  } catch (error) {
    await source?.close?.();
    if (error instanceof UnreadableError) return { name, bytes: source?.size, error };
    throw error;
  }
}

function lostShard({ name, error }: Failure, { weightMap }: Index): UnreadableError {
  let keys = 0;
  for (const file of weightMap.values()) if (file === name) keys++;
  const lost = `the ${keys} tensors in it are lost`;
  return error.code === 'not-found'
    ? new UnreadableError(
        'missing-record',
        `shard ${name} is missing beside the index: ${lost}; get it again`,
      )
    : new UnreadableError(error.code, `shard ${name} can't be read: ${lost}: ${error.message}`, error.offset);
}

function noShards(failures: readonly Failure[], count: number): UnreadableError {
  const other = failures.find(({ error }) => error.code !== 'not-found');
  if (other) return retold(other.error, `shard ${other.name} can't be read: ${other.error.message}`);
  return new UnreadableError(
    'not-found',
    `none of the ${count} shards of the index is beside it (first: ${failures[0]?.name}); download them into the same folder`,
  );
}

function merge(
  { weightMap, metadata }: Index,
  parts: readonly Part[],
  files: readonly CheckpointFile[],
): { root: PyDict; sharding: Sharding } {
  const root = new PyDict();
  const places = new Map<string, { file: string; readonly at: number }>();
  const repeated = new Set<string>();
  const unlistedKeys: string[] = [];
  for (const { name, checkpoint } of parts) {
    const { keys, values } = entriesOf(checkpoint.root) as { keys: Value[]; values: Value[] };
    for (const [index, key] of keys.entries()) {
      const text = String(key);
      if (!weightMap.has(text)) unlistedKeys.push(text);
      const place = places.get(text);
      if (place === undefined) {
        places.set(text, { file: name, at: root.keys.length });
        root.keys.push(key);
        root.values.push(values[index] as Value);
      } else {
        repeated.add(text);
        if (weightMap.get(text) !== name) continue;
        // the one that the index names is the one that counts
        place.file = name;
        root.values[place.at] = values[index] as Value;
      }
    }
  }
  const opened = new Set(parts.map(({ name }) => name));
  const lostKeys: string[] = [];
  for (const [key, file] of weightMap) {
    if (opened.has(file) && places.get(key)?.file !== file) lostKeys.push(key);
  }
  const whole = files.length === parts.length + 1;
  const totalSize = whole ? compareSizes(metadata.get('total_size'), parts) : undefined;
  return {
    root,
    sharding: { files, lostKeys, repeatedKeys: [...repeated], unlistedKeys, ...(totalSize && { totalSize }) },
  };
}

/**
 * transformers counts what tensors share once, or, before 4.40, a bool as an eighth of a byte and what is shared every time;
 * huggingface_hub counts storages, whatever of them tensors show.
 */
function compareSizes(declared: unknown, parts: readonly Part[]): Sharding['totalSize'] {
  if (typeof declared !== 'number' || !Number.isFinite(declared)) return undefined;
  let found = 0;
  let once = 0;
  let bools = 0;
  let stored = 0;
  for (const { checkpoint } of parts) {
    for (const { bytes } of checkpoint.storages) stored += bytes;
    const seen = new Set<unknown>();
    for (const { bytes, storage, dtype, node } of checkpoint.tensors) {
      found += bytes;
      if (dtype.name === 'bool') bools += bytes;
      if (seen.has(storage ?? node)) continue;
      seen.add(storage ?? node);
      once += bytes;
    }
  }
  const agrees = [found, once, stored].some((sum) => declared <= sum && declared >= sum - bools);
  return { declared, found: agrees ? declared : found };
}

/** The metadata of the index as values, for the report. */
function plain(metadata: ReadonlyMap<string, unknown>): PyDict {
  const values = [...metadata.values()].map((value): Value => {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new PyFloat(value);
    return JSON.stringify(value);
  });
  return new PyDict([...metadata.keys()], values);
}
