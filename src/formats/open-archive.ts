import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { Archive } from './archive.ts';
import { openTorchZip } from './torch-zip.ts';

/**
 * Opens a zip archive. Which of torch's archives it is shows in the names of its records.
 * @throws UnreadableError for an archive that is damaged, or none that is known; the message names what it is.
 */
export async function openArchive(source: ByteSource, path: string): Promise<Checkpoint> {
  const archive = await Archive.open(source);
  const pickle = archive.content('data.pkl');
  // torch.load takes an archive with this record for TorchScript, and with no other
  if (pickle && !archive.has('constants.pkl')) return openTorchZip(archive, pickle, path);
  throw otherArchive(archive);
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
