import type { Storage } from '../checkpoint/storage.ts';
import type { Archive } from './archive.ts';

/** Which torch wrote the archive, told by the records that its versions write and by how they number storages. */
export function eraOf(archive: Archive, storages: readonly Storage[]): string {
  if (archive.has('.format_version')) return 'torch 2.7 or newer';
  if (archive.has('.data/serialization_id')) return 'torch 2.1 to 2.6';
  if (archive.table.endsWith(0, '/version')) return 'torch 1.4 or 1.5';
  // up to 1.8 the key of a storage is its address in memory
  if (storages.some((storage) => /^\d{9,}$/.test(storage.key))) return 'torch 1.6 to 1.8';
  return 'torch 1.6 to 2.0';
}
