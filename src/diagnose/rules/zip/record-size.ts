import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import type { Storage } from '../../../checkpoint/storage.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { SALVAGE } from '../../salvage.ts';
import { namesOn } from '../../storage-names.ts';
import { isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';
import { isCutTo32Bits } from './zip32-sizes.ts';

export default defineRule({
  id: 'zip/record-size',
  severity: 'error',
  needs: 'pickle',
  title: 'A record has more or fewer bytes than its storage',
  check(checkpoint, { storages }) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const long: Storage[] = [];
    const short: Storage[] = [];
    for (const storage of storages.unfit) {
      const { content, bytes } = storage;
      if (!content) continue;
      if (content.length > bytes) long.push(storage);
      else if (!isCutTo32Bits(storage)) short.push(storage);
    }
    return [
      ...(short.length ? [tooShort(checkpoint, short)] : []),
      ...(long.length ? [tooLong(checkpoint, long)] : []),
    ];
  },
});

function tooShort(checkpoint: Checkpoint, storages: readonly Storage[]): RuleResult {
  const subjects = namesOn(checkpoint, new Set(storages));
  return {
    message: `${counted(storages.length, 'storage has', 'storages have')} fewer bytes in the file than ${storages.length === 1 ? 'its tensors need' : 'their tensors need'}: ${failure(storages)}. Older ones, and mmap=True, load chance instead of weights. Get the file again; if there is no other, fix --salvage writes the tensors that are whole.`,
    subjects,
    fix: SALVAGE,
  };
}

function tooLong(checkpoint: Checkpoint, storages: readonly Storage[]): RuleResult {
  return {
    message: `${counted(storages.length, 'storage has', 'storages have')} more bytes in the file than ${storages.length === 1 ? 'its tensors need' : 'their tensors need'}: ${failure(storages)}; older ones load it. ${rewriteWords(checkpoint, 'fix leaves the surplus out.')}`,
    subjects: namesOn(checkpoint, new Set(storages)),
    fix: rewriteFlags(checkpoint),
  };
}

function failure([first]: readonly Storage[]): string {
  const { key, bytes, content } = first as Storage;
  return `torch.load since 2.10 fails with "record size (${content?.length} bytes) does not match expected size (${bytes} bytes …)" at data/${printable(key)}`;
}
