import type { Checkpoint, GlobalUse } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import type { Value } from '../pickle/values.ts';
import { assembleCheckpoint } from './assemble.ts';
import { type InlineStreams, LOAD_FROM_BYTES, readInlineStreams } from './inline-streams.ts';
import { arraysToTensors, isMadeOfArrays } from './numpy-arrays.ts';
import { NO_STORAGES } from './storage-table.ts';
import { TensorGraph } from './tensor-graph.ts';

/** Payloads beyond this stay in the file: all the data of such a file stands in the pickle itself. */
const LONGEST_HELD = 16 * 1024;
/** The first read; a pickle that is mostly payloads is passed over, not read. */
const FIRST_READ = 1024 * 1024;

/**
 * Opens what `pickle.dump` makes of tensors or arrays, without torch.save: tensors carry their storages as bytes inside the pickle.
 * A pickle of numpy arrays and plain values alone is listed as the tensors that `torch.from_numpy` would make of it; arrays beside
 * anything else stay what they are.
 *
 * @throws UnreadableError for a pickle that is damaged or cut short.
 */
export async function openPlainPickle(source: ByteSource, path: string): Promise<Checkpoint> {
  const pickle = await decodePickle(source, 0, { firstRead: FIRST_READ, longestHeld: LONGEST_HELD });
  const { root, table, globals, era } = await contentOf(pickle, source);
  const checkpoint = assembleCheckpoint({
    path,
    source,
    container: { kind: 'pickle', pickleProtocol: pickle.protocol, byteOrder: 'little', ...era },
    root,
    table,
    pickle,
    recordLength: source.size,
  });
  return globals.length === 0 ? checkpoint : { ...checkpoint, globals: merged(checkpoint.globals, globals) };
}

async function contentOf(
  pickle: DecodedPickle,
  source: ByteSource,
): Promise<InlineStreams & { readonly era?: { readonly era: string } }> {
  const nothing = { table: NO_STORAGES, globals: [] };
  if (pickle.globals.some(({ qualifiedName }) => qualifiedName === LOAD_FROM_BYTES)) {
    return {
      ...(await readInlineStreams(pickle.value, source)),
      era: { era: 'pickle.dump of torch tensors' },
    };
  }
  if (isMadeOfArrays(pickle.globals)) {
    const graph = new TensorGraph();
    const root: Value = arraysToTensors(pickle.value, source, graph);
    return { ...nothing, root, table: graph.table(), era: { era: 'pickle.dump of numpy arrays' } };
  }
  return { ...nothing, root: pickle.value };
}

/** What the pickles inside name counts as much as what the outer one names: both would be imported. */
function merged(outer: readonly GlobalUse[], inner: readonly GlobalUse[]): GlobalUse[] {
  const uses = new Map(outer.map((use) => [use.name, use]));
  for (const use of inner) {
    const known = uses.get(use.name);
    uses.set(use.name, known ? { ...known, count: known.count + use.count } : use);
  }
  return [...uses.values()];
}
