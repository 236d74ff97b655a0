import type { ArchiveRecord, Checkpoint, ContainerKind } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { isBytes, isRange } from '../io/segment.ts';

/** Archives that torch's reader of zip files opens for `torch.load` or `torch.jit.load`. */
const READ_BY_TORCH: readonly ContainerKind[] = ['torch-zip', 'torchscript'];

/** The container is such an archive, whose directory was read. */
export function isTorchArchive({ container, archive }: Checkpoint): boolean {
  return READ_BY_TORCH.includes(container.kind) && archive !== undefined;
}

/** Flags that heal what any rewriting heals: `fix` writes a complete archive of stored records. */
export function rewriteFlags({ container, damage }: Checkpoint): readonly string[] {
  return container.kind === 'torch-zip' && damage.length === 0 ? ['--auto'] : [];
}

/** What to say of a cure that rewriting the archive is. */
export function rewriteWords(checkpoint: Checkpoint, healed: string): string {
  return rewriteFlags(checkpoint).length > 0 ? healed : 'fix does not heal this yet.';
}

/** The name of a record as the directory spells it. */
export function fullName({ container }: Checkpoint, { name, outsideRoot }: ArchiveRecord): string {
  return outsideRoot || !container.root ? name : `${container.root}/${name}`;
}

/** The storages by the offset in the file at which their bytes, deflated or not, begin. */
export function storagesByOffset({ storages }: Checkpoint): Map<number, Storage> {
  const found = new Map<number, Storage>();
  for (const storage of storages) {
    const { content } = storage;
    if (!content || isBytes(content)) continue;
    if (isRange(content)) found.set(content.offset, storage);
    else if ('deflated' in content) found.set(content.deflated.offset, storage);
  }
  return found;
}
