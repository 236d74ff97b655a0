import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { listTensors } from '../checkpoint/listing.ts';
import { pathName } from '../checkpoint/path.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import { PyDict } from '../pickle/values.ts';
import type { Archive } from './archive.ts';
import { archiveFacts } from './archive-facts.ts';
import { assembleCheckpoint } from './assemble.ts';
import { type StoredBytes, storageTable } from './storage-table.ts';
import { SummedReads } from './summed-reads.ts';
import { sweepArchive } from './sweep-archive.ts';
import { pickleSource } from './torch-zip.ts';
import { readTorchScriptJson } from './torchscript-json.ts';
import { torchScriptStateDict } from './torchscript-state.ts';

/** The record of the tensors that stand in the code. */
const CONSTANTS = 'constants.pkl';

/**
 * Opens what `torch.jit.save` writes: the module as an object of TorchScript classes, whose attributes are tensors and further
 * modules. Archives of torch 1.0 to 1.3 describe the modules in `model.json`.
 *
 * @throws UnreadableError where the modules can't be read.
 */
export async function openTorchScript(archive: Archive, path: string): Promise<Checkpoint> {
  const facts = await archiveFacts(archive);
  const version = /^\d{1,3}$/.test(facts.version?.trim() ?? '') ? Number(facts.version) : undefined;
  const container = {
    kind: 'torchscript',
    byteOrder: facts.byteOrder === 'big' ? 'big' : 'little',
    root: archive.root,
    entries: archive.entries.length,
  } as const;
  const content = archive.content('data.pkl');
  if (!content) {
    const { root, table, producer } = await readTorchScriptJson(archive);
    return assembleCheckpoint({
      path,
      source: archive.source,
      traces: await sweepArchive(archive, { storages: table.storages }, facts.oddities ?? []),
      container: {
        ...container,
        era: `${producer ? `torch ${producer}` : 'torch 1.0 to 1.3'}, archive version ${version ?? 1}`,
      },
      root,
      table,
      records: () => archive.records(),
      archive: facts,
      loadable: async () => torchScriptStateDict(root, archive),
    });
  }
  const bytes = new SummedReads(await pickleSource(content));
  const pickle = await decodePickle(bytes);
  const table = storageTable(pickle.persistents, container.byteOrder, (id, bytes) =>
    storedTensor(archive, ['data', 'constants'], id.key, bytes),
  );
  const constants = await constantsOf(archive, container.byteOrder);
  const checkpoint = assembleCheckpoint({
    path,
    source: archive.source,
    container: { ...container, pickleProtocol: pickle.protocol, era: eraOf(archive, version) },
    root: pickle.value,
    table,
    pickle,
    traces: [
      { record: 'data.pkl', trace: pickle.trace },
      ...(constants ? [{ record: CONSTANTS, trace: constants.pickle.trace }] : []),
      ...(await sweepArchive(
        archive,
        {
          pickles: [
            { name: 'data.pkl', pickle },
            ...(constants ? [{ name: CONSTANTS, pickle: constants.pickle }] : []),
          ],
          storages: [...table.storages, ...(constants?.storages ?? [])],
        },
        facts.oddities ?? [],
      )),
    ],
    recordLength: content.length,
    pickleCrc32: await bytes.checksum(),
    records: () => archive.records(),
    archive: facts,
    ...(constants?.summary && { annotations: new PyDict(['constants'], [constants.summary]) }),
    loadable: async () => {
      const { root, notes } = await torchScriptStateDict(pickle.value, archive);
      const frozen =
        'tensors that are constants of the code (a frozen module has all of its weights there) have no names, and are left out';
      return { root, notes: constants?.summary ? [...notes, frozen] : notes };
    },
  });
  return { ...checkpoint, tensors: checkpoint.tensors.flatMap(withQuantizer) };
}

/** Scales and zero points of each channel are tensors of the archive too, with storages of their own. */
function withQuantizer(tensor: Tensor): Tensor[] {
  if (tensor.kind !== 'quantized') return [tensor];
  const parts = tensor.parts.map((part, index) => {
    const path = [...tensor.path, '<quantizer>', index + 1];
    return { ...part, path, name: pathName(path) };
  });
  return [tensor, ...parts];
}

/** torch 1.4 wrote version 2, later ones at least 3, and more where an operator of the code asks for it. */
function eraOf(archive: Archive, version: number | undefined): string {
  let era = 'torch 1.5 to 2.0';
  if (archive.has('.data/serialization_id')) era = 'torch 2.1 or newer';
  else if (version !== undefined && version < 3) era = 'torch 1.4';
  const lite = archive.has('bytecode.pkl') ? ', with bytecode for the lite interpreter' : '';
  return `${era}${version === undefined ? '' : `, archive version ${version}`}${lite}`;
}

/** The bytes of a tensor of an archive; mobile archives keep some of them with the constants, under names that end in `.storage`. */
export function storedTensor(
  archive: Archive,
  folders: readonly string[],
  key: string,
  bytes: number,
): StoredBytes {
  const records = folders.flatMap((folder) => [`${folder}/${key}`, `${folder}/${key}.storage`]);
  const record = records.find((name) => archive.has(name));
  const content: Segment | undefined = record === undefined ? undefined : archive.content(record);
  if (record === undefined || content === undefined) {
    const damage = new UnreadableError(
      'missing-record',
      `record ${records[0]} is missing: a storage of ${bytes} bytes is lost; get the file again`,
    );
    return { content: undefined, damage };
  }
  const found = { content, crc32: archive.entry(record)?.crc32 };
  if (content.length >= bytes) return found;
  const damage = new UnreadableError(
    'short-record',
    `record ${record} has ${content.length} bytes, its storage needs ${bytes}; get the file again`,
    archive.dataOffset(record),
  );
  return { ...found, damage };
}

/** The tensors that stand in the code: all weights of a frozen module. */
interface Constants {
  readonly pickle: DecodedPickle;
  readonly storages: readonly Storage[];
  /** They are counted, since no state_dict has names for them; undefined where there are none. */
  readonly summary: PyDict | undefined;
}

async function constantsOf(archive: Archive, byteOrder: 'little' | 'big'): Promise<Constants | undefined> {
  const content = archive.content(CONSTANTS);
  if (!content) return undefined;
  const pickle = await decodePickle(await pickleSource(content));
  const { storages, storageOf } = storageTable(pickle.persistents, byteOrder, (id, bytes) =>
    storedTensor(archive, ['constants'], id.key, bytes),
  );
  const { tensors } = listTensors(pickle.value, storageOf);
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const summary = tensors.length > 0 ? new PyDict(['tensors', 'bytes'], [tensors.length, bytes]) : undefined;
  return { pickle, storages, summary };
}
