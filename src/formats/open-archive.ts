import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { Archive } from './archive.ts';
import { openTorchZip } from './torch-zip.ts';
import type { OpenInner } from './unpack.ts';

/**
 * Opens a zip archive. Which of torch's archives it is shows in the names of its records.
 * @throws UnreadableError for an archive that is damaged, or none that is known; the message names what it is.
 */
export async function openArchive(
  source: ByteSource,
  path: string,
  openInner: OpenInner,
): Promise<Checkpoint> {
  const archive = await Archive.open(source);
  const pickle = archive.content('data.pkl');
  // torch.load takes an archive with this record for TorchScript, and with no other
  if (pickle && !archive.has('constants.pkl')) return openTorchZip(archive, pickle, path);
  throwOther(archive);
  const files = archive.files();
  const { checkpointFiles, openOnly } = await import('./unpack.ts');
  if (checkpointFiles(files).length === 0) throw withoutPickle(archive);
  const { isStableBaselines3, openStableBaselines3 } = await import('./stable-baselines3.ts');
  return isStableBaselines3(files)
    ? openStableBaselines3(archive, files, path, openInner)
    : openOnly(source, files, 'zip', openInner);
}

/** @throws UnreadableError that names the archive, where it is one of another kind. */
function throwOther(archive: Archive): void {
  const names = archive.entries.map((entry) => entry.name);
  const unsupported = (what: string) => new UnreadableError('unsupported', `the file is ${what}`);
  if (archive.has('constants.pkl') || names.some((name) => name.endsWith('/model.json'))) {
    throw unsupported(
      'a TorchScript archive (torch.jit.save), which is not supported yet; load it with torch.jit.load',
    );
  }
  if (names.some((name) => /(^|\/)(archive_format|serialized_exported_program\.json)$/.test(name))) {
    throw unsupported(
      'a torch.export archive (.pt2), which is not supported yet; load it with torch.export.load',
    );
  }
  if (names.some((name) => name.includes('/.data/extern_modules'))) {
    throw unsupported(
      'a torch.package archive, which is not supported yet; load it with torch.package.PackageImporter',
    );
  }
  if (names.every((name) => name.endsWith('.npy'))) {
    throw new UnreadableError(
      'not-a-checkpoint',
      'the file is a numpy archive (.npz); load it with numpy.load',
    );
  }
}

function withoutPickle({ entries }: Archive): UnreadableError {
  return new UnreadableError(
    'missing-record',
    `zip archive has no data.pkl among its ${entries.length} records (first: ${JSON.stringify(entries[0]?.name.slice(0, 60))}): it is no checkpoint, or the save died while pickling`,
  );
}
