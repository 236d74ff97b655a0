import type { Checkpoint, GlobalUse } from '../checkpoint/checkpoint.ts';
import { listTensors } from '../checkpoint/listing.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, readSegment, type Segment } from '../io/segment.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import type { PyPersistent } from '../pickle/values.ts';
import { isAllowedGlobal } from '../torch/allowlist.ts';
import { parseStorageId } from '../torch/storage-id.ts';
import { Archive } from './archive.ts';
import { eraOf } from './era.ts';

/** A deflated pickle has to be inflated into memory; a larger one is no state_dict. */
const LONGEST_DEFLATED_PICKLE = 256 * 2 ** 20;

/** Opens what `torch.save` writes since 1.6 (and 1.4 on request): a zip archive with a `data.pkl` and one record a storage. */
export async function openTorchZip(source: ByteSource, path: string): Promise<Checkpoint> {
  const archive = await Archive.open(source);
  const content = archive.content('data.pkl');
  if (content === undefined || archive.has('constants.pkl')) throw otherArchive(archive);
  const pickle = await decodePickle(await pickleSource(content));
  const byteOrder = await byteOrderOf(archive);
  const { storages, storageOf, damage } = readStorages(archive, pickle, byteOrder);
  const { tensors, omissions } = listTensors(pickle.value, storageOf);
  return {
    path,
    source,
    container: {
      kind: 'torch-zip',
      pickleProtocol: pickle.protocol,
      byteOrder,
      root: archive.root,
      entries: archive.entries.length,
      era: eraOf(archive, storages),
    },
    root: pickle.value,
    tensors,
    storages,
    storageOf,
    globals: globalUses(pickle),
    pickle: {
      protocol: pickle.protocol,
      length: pickle.length,
      recordLength: content.length,
      opcodes: pickle.opcodes,
      longPayloads: pickle.longPayloads,
    },
    records: archive.records(),
    omissions,
    damage,
    close: async () => source.close?.(),
  };
}

async function pickleSource(content: Segment): Promise<ByteSource> {
  if (isRange(content)) return new SubSource(content.source, content.offset, content.length);
  return new MemorySource(await readSegment(content, LONGEST_DEFLATED_PICKLE));
}

/** The record says `little` or `big`; torch before 2.1 wrote none and meant little. */
async function byteOrderOf(archive: Archive): Promise<'little' | 'big'> {
  const content = archive.content('byteorder');
  // only 'big' has three letters, so an honest file costs no read here
  if (content === undefined || content.length !== 3) return 'little';
  return Buffer.from(await readSegment(content, 3)).toString('latin1') === 'big' ? 'big' : 'little';
}

interface StorageTable {
  readonly storages: readonly Storage[];
  readonly storageOf: ReadonlyMap<PyPersistent, Storage>;
  readonly damage: readonly UnreadableError[];
}

/** One storage per key, in the order of first use. Where two ids give one key different dtypes, torch keeps the first. */
function readStorages(archive: Archive, pickle: DecodedPickle, byteOrder: 'little' | 'big'): StorageTable {
  const byKey = new Map<string, Storage>();
  const storageOf = new Map<PyPersistent, Storage>();
  const damage: UnreadableError[] = [];
  for (const persistent of pickle.persistents) {
    const id = parseStorageId(persistent.id);
    if (!id) {
      damage.push(new UnreadableError('bad-pickle', 'bad pickle: a persistent id that describes no storage'));
      continue;
    }
    let storage = byKey.get(id.key);
    if (!storage) {
      const record = `data/${id.key}`;
      const bytes = id.numel * (id.dtype?.itemSize ?? 1);
      const entry = archive.entry(record);
      const content = entry && archive.content(record);
      if (!entry) {
        damage.push(
          new UnreadableError(
            'missing-record',
            `record ${record} is missing: a storage of ${bytes} bytes is lost; get the file again`,
          ),
        );
      } else if (entry.size < bytes) {
        damage.push(
          new UnreadableError(
            'short-record',
            `record ${record} has ${entry.size} bytes, its storage needs ${bytes}; get the file again`,
            archive.dataOffset(record),
          ),
        );
      }
      storage = {
        key: id.key,
        storageClass: id.storageClass,
        dtype: id.dtype,
        location: id.location,
        numel: id.numel,
        bytes,
        fileOffset: content && isRange(content) ? content.offset : null,
        content,
        crc32: entry?.crc32,
        byteOrder,
      };
      byKey.set(id.key, storage);
    }
    storageOf.set(persistent, storage);
  }
  return { storages: [...byKey.values()], storageOf, damage };
}

function globalUses(pickle: DecodedPickle): GlobalUse[] {
  return pickle.globals.map((global) => ({
    name: global.qualifiedName,
    count: global.uses,
    weightsOnly: isAllowedGlobal(global.module, global.name),
    offset: global.offset,
  }));
}

/** Names the archive that is none of torch.save's. */
function otherArchive(archive: Archive): UnreadableError {
  const names = archive.entries.map((entry) => entry.name);
  const unsupported = (what: string) => new UnreadableError('unsupported', `the file is ${what}`);
  if (archive.has('constants.pkl') || names.some((name) => name.endsWith('/model.json'))) {
    return unsupported(
      'a TorchScript archive (torch.jit.save), which is not supported yet; load it with torch.jit.load',
    );
  }
  if (names.some((name) => /(^|\/)(archive_format|serialized_exported_program\.json)$/.test(name))) {
    return unsupported(
      'a torch.export archive (.pt2), which is not supported yet; load it with torch.export.load',
    );
  }
  if (names.some((name) => name.includes('/.data/extern_modules'))) {
    return unsupported(
      'a torch.package archive, which is not supported yet; load it with torch.package.PackageImporter',
    );
  }
  if (names.every((name) => name.endsWith('.npy'))) {
    return new UnreadableError(
      'not-a-checkpoint',
      'the file is a numpy archive (.npz); load it with numpy.load',
    );
  }
  return new UnreadableError(
    'missing-record',
    `zip archive has no data.pkl among its ${names.length} records (first: ${JSON.stringify(names[0]?.slice(0, 60))}): it is no checkpoint, or the save died while pickling`,
  );
}
