import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { Archive } from './archive.ts';
import { archiveOddities } from './archive-oddities.ts';
import { openTorchZip } from './torch-zip.ts';
import type { OpenInner } from './unpack.ts';

/** The list of modules that torch.package leaves to the reader; only its archives have it. */
const EXTERN_MODULES = '.data/extern_modules';

/**
 * Opens a zip archive. Which of torch's archives it is shows in the names of its records.
 * @throws UnreadableError for an archive that is damaged, or none that is known; the message names what it is.
 */
export async function openArchive(
  source: ByteSource,
  path: string,
  openInner: OpenInner,
  everyHeader?: boolean,
): Promise<Checkpoint> {
  return openRecords(await Archive.open(source, everyHeader), path, openInner);
}

/** Opens an archive whose records are known. Same errors as `openArchive`. */
export async function openRecords(archive: Archive, path: string, openInner: OpenInner): Promise<Checkpoint> {
  const pickle = archive.content('data.pkl');
  // torch.load takes an archive with this record for TorchScript, and with no other
  if (pickle && !archive.has('constants.pkl') && packageRoot(archive) === undefined)
    return openTorchZip(archive, pickle, path);
  const packaged = packageRoot(archive);
  if (packaged !== undefined) {
    const { openTorchPackage } = await import('./torch-package.ts');
    return openTorchPackage(archive.rootedAt(packaged), path);
  }
  if (archive.has('constants.pkl') || archive.has('model.json')) {
    const { openTorchScript } = await import('./torchscript.ts');
    return openTorchScript(archive, path);
  }
  if (archive.has('archive_format') || archive.has('serialized_exported_program.json')) {
    const { openTorchExport } = await import('./torch-export.ts');
    return openTorchExport(archive, path);
  }
  throwOther(archive);
  const files = archive.files();
  const { checkpointFiles, openOnly } = await import('./unpack.ts');
  const opened = checkpointFiles(files).map(({ name }) => name);
  if (opened.length === 0) throw withoutPickle(archive);
  const { isStableBaselines3, openStableBaselines3 } = await import('./stable-baselines3.ts');
  const checkpoint = isStableBaselines3(files)
    ? await openStableBaselines3(archive, files, path, openInner)
    : await openOnly(archive.source, files, 'zip', openInner);
  const { sweepArchive } = await import('./sweep-archive.ts');
  const oddities = await archiveOddities(archive.source, archive);
  const others = await sweepArchive(archive.rootedAt(''), { others: opened }, oddities);
  return { ...checkpoint, traces: [...(checkpoint.traces ?? []), ...others] };
}

/** The folder of a torch.package archive; a `data.pkl` in the folder that torch.load looks in makes it none. */
function packageRoot(archive: Archive): string | undefined {
  const first = archive.table.name(0).split('/')[0];
  if (archive.root === first && archive.has('data.pkl')) return undefined;
  const record = archive.entries.find(({ name }) => name.endsWith(`/${EXTERN_MODULES}`))?.name;
  return record?.slice(0, -EXTERN_MODULES.length - 1);
}

/** @throws UnreadableError that names the archive, where it is one of another kind. */
function throwOther(archive: Archive): void {
  const names = archive.entries.map((entry) => entry.name);
  if (names.every((name) => name.endsWith('.npy'))) {
    throw new UnreadableError(
      'not-a-checkpoint',
      'the file is a numpy archive (.npz); load it with numpy.load',
      undefined,
      'content/other-format',
    );
  }
}

function withoutPickle({ entries }: Archive): UnreadableError {
  return new UnreadableError(
    'missing-record',
    `zip archive has no data.pkl among its ${entries.length} records (first: ${JSON.stringify(entries[0]?.name.slice(0, 60))}): it is no checkpoint, or the save died while pickling`,
    undefined,
    'zip/missing-record',
  );
}
