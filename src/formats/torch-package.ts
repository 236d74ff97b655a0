import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { moduleStateDict } from '../checkpoint/module-state.ts';
import { UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import { PyDict, type PyPersistent, PyTuple, type Value } from '../pickle/values.ts';
import type { Archive } from './archive.ts';
import { archiveFacts } from './archive-facts.ts';
import { assembleCheckpoint } from './assemble.ts';
import { storageTable } from './storage-table.ts';
import { sweepArchive } from './sweep-archive.ts';
import { pickleSource } from './torch-zip.ts';
import { storedTensor } from './torchscript.ts';

/**
 * Opens what `torch.package.PackageExporter` writes: the object that it pickled, or a dict of all of them by the name of their record.
 * The Python code of the package is left alone.
 *
 * @param archive Rooted at the folder that holds `.data`.
 * @throws UnreadableError where no pickle is in it, or one can't be read.
 */
export async function openTorchPackage(archive: Archive, path: string): Promise<Checkpoint> {
  const facts = await archiveFacts(archive);
  const byteOrder = facts.byteOrder === 'big' ? 'big' : 'little';
  const pickles: { readonly name: string; readonly pickle: DecodedPickle; readonly length: number }[] = [];
  for (const { name, outsideRoot } of archive.records()) {
    if (outsideRoot || !name.endsWith('.pkl') || name.startsWith('.data/')) continue;
    const content = archive.content(name) as Segment;
    pickles.push({ name, pickle: await decodePickle(await pickleSource(content)), length: content.length });
  }
  const [first] = pickles;
  if (!first) {
    throw new UnreadableError(
      'unsupported',
      'the file is a torch.package archive that holds code, but no pickled object; there is no checkpoint in it',
    );
  }
  const root =
    pickles.length === 1
      ? first.pickle.value
      : new PyDict(
          pickles.map(({ name }) => name),
          pickles.map(({ pickle }) => pickle.value),
        );
  const persistents = pickles.flatMap(({ pickle }) => pickle.persistents.filter(isStorage));
  const table = storageTable(persistents, byteOrder, (id, bytes) =>
    storedTensor(archive, ['.data'], id.key, bytes),
  );
  return assembleCheckpoint({
    path,
    source: archive.source,
    container: {
      kind: 'torch-package',
      pickleProtocol: first.pickle.protocol,
      byteOrder,
      root: archive.root,
      entries: archive.entries.length,
      era: archive.has('.data/serialization_id') ? 'torch 2.1 or newer' : 'torch 1.9 to 2.0',
    },
    root,
    table,
    pickle: { ...first.pickle, globals: pickles.flatMap(({ pickle }) => pickle.globals) },
    traces: [
      ...pickles.map(({ name, pickle }) => ({ record: name, trace: pickle.trace })),
      ...(await sweepArchive(archive, { pickles, storages: table.storages }, facts.oddities ?? [])),
    ],
    recordLength: first.length,
    records: () => archive.records(),
    archive: facts,
    loadable: async () => ({
      root: withStateDicts(root, pickles.length),
      notes: ['the code of the package is left out: of modules their state_dict is written'],
    }),
  });
}

/** Packages also persist objects that pickle themselves in a way of their own (`reduce_package`); these are carried as they are. */
function isStorage({ id }: PyPersistent): boolean {
  return id instanceof PyTuple && id.items[0] === 'storage';
}

/** Modules become state_dicts, at the root and, where there are several objects, one level below. */
function withStateDicts(root: Value, count: number): Value {
  if (count === 1 || !(root instanceof PyDict)) return moduleStateDict(root) ?? root;
  return new PyDict(
    [...root.keys],
    root.values.map((value) => moduleStateDict(value) ?? value),
  );
}
