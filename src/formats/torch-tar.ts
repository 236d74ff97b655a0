import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { type ByteSource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { decodePickle } from '../pickle/decoder.ts';
import { replaceNodes } from '../pickle/replace.ts';
import { PickleFault } from '../pickle/trace.ts';
import { type PyNode, PyPersistent, PyTuple, type Value } from '../pickle/values.ts';
import { parseStorageId } from '../torch/storage-id.ts';
import { assembleCheckpoint } from './assemble.ts';
import { classOfId, type EmbeddedSource, sourceAnnotations } from './embedded-sources.ts';
import { sweepMembers } from './sweep-members.ts';
import type { TarMember } from './tar-directory.ts';
import { readTarStorages, readTarTensors, type TarStorage } from './tar-members.ts';
import { TensorGraph } from './tensor-graph.ts';
import { TraceLog } from './trace-log.ts';

/** The members whose pickles describe storages and tensors, each in small pieces. */
const DESCRIPTIONS = 'storages, tensors';
const DESCRIBING = /^(\.\/)?(storages|tensors)$/;
/** Members that make a tar archive one of torch's. */
const REQUIRED = ['sys_info', 'pickle', 'storages'] as const;

/** Whether the members of a tar archive are those of a checkpoint. */
export function isTorchTar(members: readonly TarMember[]): boolean {
  return REQUIRED.every((name) => memberNamed(members, name) !== undefined);
}

/**
 * Opens what torch before 0.1.10 wrote: a tar archive with the members `sys_info`, `pickle`, `tensors` and `storages`. The persistent
 * ids of its pickle name tensors, which name storages; here each becomes the call that torch would write today. Archives without
 * `tensors`, whose pickle describes its storages itself, are read too, though torch does not load them.
 *
 * @throws UnreadableError for an archive that is cut short, damaged, or whose members contradict each other.
 */
export async function openTorchTar(
  source: ByteSource,
  members: readonly TarMember[],
  path: string,
): Promise<Checkpoint> {
  const log = new TraceLog();
  try {
    return await openMembers(source, members, path, log);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new PickleFault(error, [{ record: DESCRIPTIONS, trace: log.trace() }]);
  }
}

async function openMembers(
  source: ByteSource,
  members: readonly TarMember[],
  path: string,
  log: TraceLog,
): Promise<Checkpoint> {
  const graph = new TensorGraph();
  const storages = await readTarStorages(source, memberNamed(members, 'storages') as TarMember, graph, log);
  const main = memberNamed(members, 'pickle') as TarMember;
  const pickle = await decodePickle(new SubSource(source, main.offset, main.size));
  const tensors = memberNamed(members, 'tensors');
  const sources: EmbeddedSource[] = [];
  const bare = new Map<PyPersistent, Storage>();
  const root = replaceNodes(
    pickle.value,
    tensors
      ? resolver(storages, await tensorNodes(source, tensors, storages, graph, log), sources, bare)
      : describer(storages, bare),
  );
  const { storageOf, ...table } = graph.table();
  return assembleCheckpoint({
    path,
    source,
    container: {
      kind: 'torch-tar',
      pickleProtocol: pickle.protocol,
      byteOrder: 'little',
      entries: members.length,
      era: 'torch 0.1.9 or older',
    },
    root,
    table: { ...table, storageOf: new Map([...storageOf, ...bare]) },
    pickle,
    traces: [
      { record: DESCRIPTIONS, trace: log.trace() },
      { record: main.name, trace: pickle.trace },
      // what stands behind each pickle, and in the other members, no torch reads
      ...(await sweepMembers(source, [
        { ...main, offset: main.offset + pickle.length, size: main.size - pickle.length },
        ...members.filter((member) => member !== main && !DESCRIBING.test(member.name)),
      ])),
    ],
    recordLength: main.size,
    ...sourceAnnotations(sources),
  });
}

function memberNamed(members: readonly TarMember[], name: string): TarMember | undefined {
  // tar itself extracts the last of two members with one name
  return members.findLast((member) => member.name.replace(/^\.\//, '') === name);
}

async function tensorNodes(
  source: ByteSource,
  member: TarMember,
  storages: ReadonlyMap<string, TarStorage>,
  graph: TensorGraph,
  log: TraceLog,
): Promise<Map<string, PyNode>> {
  const nodes = new Map<string, PyNode>();
  for (const [key, tensor] of await readTarTensors(source, member, storages, log)) {
    nodes.set(key, graph.tensor(tensor.storage, tensor));
  }
  return nodes;
}

/** Persistent ids are the text of a key, or `(class, file, source text)`. */
function resolver(
  storages: ReadonlyMap<string, TarStorage>,
  tensors: ReadonlyMap<string, PyNode>,
  sources: EmbeddedSource[],
  bare: Map<PyPersistent, Storage>,
): (node: PyNode) => Value | undefined {
  return (node) => {
    if (!(node instanceof PyPersistent)) return undefined;
    if (node.id instanceof PyTuple) return classOfId(node.id, sources);
    const key = String(node.id);
    const tensor = tensors.get(key);
    if (tensor) return tensor;
    const part = storages.get(key);
    if (!part) {
      throw new UnreadableError(
        'bad-archive',
        `tar checkpoint of torch 0.1: its pickle names ${JSON.stringify(key.slice(0, 40))}, which is no tensor of the archive; get the file again`,
      );
    }
    return persistentOf(part.storage, bare);
  };
}

/** Without a list of tensors, the pickle has plain tuples where torch would write the id of a storage. */
function describer(
  storages: ReadonlyMap<string, TarStorage>,
  bare: Map<PyPersistent, Storage>,
): (node: PyNode) => Value | undefined {
  return (node) => {
    const id = node instanceof PyPersistent ? node.id : node;
    const part = storages.get(parseStorageId(id)?.key ?? '');
    return part && persistentOf(part.storage, bare);
  };
}

function persistentOf(storage: Storage, bare: Map<PyPersistent, Storage>): PyPersistent {
  const { storageClass, key, location, numel } = storage;
  const node = new PyPersistent(new PyTuple(['storage', storageClass, key, location, numel]));
  bare.set(node, storage);
  return node;
}
