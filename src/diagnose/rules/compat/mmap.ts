import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import type { Storage } from '../../../checkpoint/storage.ts';
import { contentOffset, DEFAULT_ALIGNMENT, descriptorBytes } from '../../../zip/placement.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { namesOn } from '../../storage-names.ts';
import { rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted } from '../../wording.ts';

export default defineRule({
  id: 'compat/mmap',
  severity: 'info',
  needs: 'container',
  title: 'Tensors do not stand where mmap or meta loading expects them',
  check(checkpoint, { records, storages }) {
    const { container, damage } = checkpoint;
    if (container.kind !== 'torch-zip' || container.wrapper || damage.length) return undefined;
    const promises = records.named.some(
      ({ name, outsideRoot }) => name === '.format_version' && !outsideRoot,
    );
    return [
      promises ? brokenPromise(checkpoint) : undefined,
      misaligned(checkpoint, storages.misaligned),
    ].filter((result) => result !== undefined);
  },
});

/**
 * With the record `.format_version` torch since 2.7 may compute where storages stand instead of reading it: in the order of the
 * pickle, under the keys 0, 1, 2 …, each behind the descriptor and the padding of the one before.
 */
function brokenPromise(checkpoint: Checkpoint): RuleResult | undefined {
  const { storages } = checkpoint;
  const renamed = storages.findIndex(({ key }, index) => Number(key) !== index || key === '');
  const moved = renamed < 0 ? firstMoved(checkpoint) : -1;
  if (renamed < 0 && moved < 0) return undefined;
  const subjects = namesOn(checkpoint, new Set(storages.slice(renamed < 0 ? moved : renamed)));
  const failure =
    renamed >= 0
      ? `map_location="meta" fails with "expected key '${renamed}', got …"`
      : 'mmap=True with calculate_storage_offsets gives wrong numbers without a word';
  return {
    message: `The record .format_version promises that the storages stand where torch computes them, and they do not: ${failure}. A tool rewrote the archive and kept the record; a plain torch.load is not affected. ${rewriteWords(checkpoint, 'fix writes them where they belong.')}`,
    subjects,
    fix: rewriteFlags(checkpoint),
  };
}

/** Index of the first storage that does not follow the one before it as torch lays them out; -1 where all do. */
function firstMoved({ storages, archive, container }: Checkpoint): number {
  const alignment = archive?.alignment ?? DEFAULT_ALIGNMENT;
  const folder = Buffer.byteLength(`${container.root}/data/`);
  let header = 0;
  for (let index = 0; index < storages.length; index++) {
    const { fileOffset, bytes, key } = storages[index] as Storage;
    if (fileOffset === null) return index;
    if (index === 0) header = fileOffset;
    // the keys are digits here
    else if (contentOffset(header, folder + key.length, bytes, alignment) !== fileOffset) return index;
    header = fileOffset + bytes + descriptorBytes(header, bytes);
  }
  return -1;
}

function misaligned(checkpoint: Checkpoint, storages: readonly Storage[]): RuleResult | undefined {
  if (!storages.length) return undefined;
  const subjects = namesOn(checkpoint, new Set(storages));
  return {
    message: `${counted(subjects.length, 'tensor does', 'tensors do')} not start at a multiple of ${subjects.length === 1 ? 'its' : 'their'} element size in the file, where torch.save aligns to 64 bytes: with mmap=True ${subjects.length === 1 ? 'it stands' : 'they stand'} misaligned in memory, which is slower, and fails on some processors. ${rewriteWords(checkpoint, 'fix aligns them.')}`,
    subjects,
    fix: rewriteFlags(checkpoint),
  };
}
