import type { Checkpoint, PickleFacts } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import type { PyNode } from '../pickle/values.ts';
import { assembleCheckpoint } from './assemble.ts';
import { mergedUses } from './global-uses.ts';
import { type InlineStreams, LOAD_FROM_BYTES, readInlineStreams } from './inline-streams.ts';
import { LEGACY_MAGIC } from './legacy-stream.ts';
import { arraysToTensors, isMadeOfArrays } from './numpy-arrays.ts';
import { NO_STORAGES, type StorageTable, storageTable } from './storage-table.ts';
import { TensorGraph } from './tensor-graph.ts';

/** Payloads beyond this stay in the file: all the data of such a file stands in the pickle itself. */
const LONGEST_HELD = 16 * 1024;
/** The first read; a pickle that is mostly payloads is passed over, not read. */
const FIRST_READ = 1024 * 1024;

/** What a pickle holds, and how it came to be as far as it shows. */
interface Content extends InlineStreams {
  readonly era?: string;
}

/**
 * Opens what `pickle.dump` makes of tensors or arrays, without torch.save: tensors carry their storages as bytes inside the pickle.
 * A pickle of numpy arrays and plain values alone is listed as the tensors that `torch.from_numpy` would make of it; arrays beside
 * anything else stay what they are. One whose value is the magic number of torch's legacy streams begins such a stream, in whatever
 * opcodes it says so: torch looks at the value alone.
 *
 * @throws UnreadableError for a pickle that is damaged or cut short.
 */
export async function openPlainPickle(source: ByteSource, path: string): Promise<Checkpoint> {
  const pickle = await decodePickle(source, 0, { firstRead: FIRST_READ, longestHeld: LONGEST_HELD });
  if (pickle.value === LEGACY_MAGIC) {
    const { openTorchLegacy } = await import('./torch-legacy.ts');
    return openTorchLegacy(source, path);
  }
  const { root, table, globals, taken, understood, traces, era } = await contentOf(pickle, source);
  const checkpoint = assembleCheckpoint({
    path,
    source,
    container: {
      kind: 'pickle',
      pickleProtocol: pickle.protocol,
      byteOrder: 'little',
      ...(era !== undefined && { era }),
    },
    root,
    table,
    pickle,
    recordLength: source.size,
    traces: [{ record: '', trace: pickle.trace, understood }, ...traces, ...(await behind(pickle, source))],
  });
  return {
    ...checkpoint,
    // both would be imported
    globals: mergedUses(checkpoint.globals, globals),
    ...(checkpoint.pickle && { pickle: withoutPayloads(checkpoint.pickle, taken) }),
  };
}

/** What other readers would find behind the pickle. */
async function behind({ length }: DecodedPickle, source: ByteSource): Promise<RecordTrace[]> {
  if (length >= source.size) return [];
  const { sweepTail } = await import('./sweep.ts');
  return sweepTail(source, length);
}

async function contentOf(pickle: DecodedPickle, source: ByteSource): Promise<Content> {
  const nothing = { globals: [], taken: new Set<number>(), understood: new Set<PyNode>(), traces: [] };
  if (pickle.persistents.length > 0) {
    return { ...nothing, root: pickle.value, table: strayTable(pickle) };
  }
  if (pickle.globals.some(({ qualifiedName }) => qualifiedName === LOAD_FROM_BYTES)) {
    return { ...(await readInlineStreams(pickle.value, source)), era: 'pickle.dump of torch tensors' };
  }
  if (isMadeOfArrays(pickle.globals)) {
    const graph = new TensorGraph();
    const { root, taken } = arraysToTensors(pickle.value, source, graph);
    return { ...nothing, root, taken, table: graph.table(), era: 'pickle.dump of numpy arrays' };
  }
  return { ...nothing, root: pickle.value, table: NO_STORAGES };
}

/** A `data.pkl` without its archive says all of its tensors and has none of their bytes. */
function strayTable({ persistents }: DecodedPickle): StorageTable {
  const table = storageTable(persistents, 'little', () => ({ content: undefined }));
  const damage = new UnreadableError(
    'missing-record',
    `the pickle names ${table.storages.length} storages that are not in it, as the data.pkl of a torch zip archive does: their bytes are in the archive that it was taken from; get that`,
  );
  return { ...table, damage: [damage, ...table.damage] };
}

/** Facts without the payloads that are storages now: those stand in the pickle no more when it is written anew. */
function withoutPayloads(facts: PickleFacts, taken: ReadonlySet<number>): PickleFacts {
  return { ...facts, longPayloads: facts.longPayloads.filter(({ offset }) => !taken.has(offset)) };
}
