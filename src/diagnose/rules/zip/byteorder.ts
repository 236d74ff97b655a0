import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import type { Storage } from '../../../checkpoint/storage.ts';
import { defineRule } from '../../define-rule.ts';
import { namesOn } from '../../storage-names.ts';
import { rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/byteorder',
  severity: 'warning',
  needs: 'container',
  title: 'The tensors are big-endian, or of an unknown byte order',
  check(checkpoint) {
    const { archive, storages, container } = checkpoint;
    const order = archive?.byteOrder;
    if (container.kind !== 'torch-zip' || order === undefined || order === 'little') return undefined;
    if (order !== 'big') {
      return {
        severity: 'error',
        message: `The record byteorder says "${printable(order)}", where torch knows only "little" and "big": torch.load since 2.1 fails with "Unknown endianness type: ${printable(order)}". ${rewriteWords(checkpoint, 'fix writes "little", which nearly every machine is.')}`,
        subjects: ['byteorder'],
        fix: rewriteFlags(checkpoint),
      };
    }
    // torch swaps by the element size of the storage's class, and untyped storages have none
    const untyped = storages.filter(({ dtype }) => !dtype);
    const wide = storages.filter(({ dtype }) => !dtype || dtype.itemSize > 1);
    if (!wide.length) return undefined;
    const worse = untyped.length
      ? ` ${counted(untyped.length, 'storage has', 'storages have')} no dtype of ${untyped.length === 1 ? 'its' : 'their'} own (float8, uint16 and their like), and no torch swaps ${untyped.length === 1 ? 'that' : 'those'}.`
      : '';
    const swappable = !untyped.length || haveOneOrder(checkpoint, new Set(untyped));
    const cure = swappable
      ? rewriteWords(checkpoint, 'fix writes them little-endian.')
      : 'fix does not heal this: one of these is shown as numbers of several sizes, so its bytes have no one order. Load the file with a torch since 2.1 and save what you need.';
    return {
      message: `The tensors were saved on a big-endian machine. torch since 2.1 swaps their bytes while it loads; older ones do not look and give wrong numbers without a word.${worse} ${cure}`,
      subjects: namesOn(checkpoint, new Set(wide)),
      fix: swappable ? rewriteFlags(checkpoint) : [],
    };
  },
});

/** Each of the storages is shown as numbers of one size, so that it is known which bytes change places. */
function haveOneOrder({ tensors }: Checkpoint, untyped: ReadonlySet<Storage>): boolean {
  const sizes = new Map<Storage, number>();
  return tensors.every(({ storage, dtype: { swapSize } }) => {
    if (!storage || !untyped.has(storage)) return true;
    const known = sizes.get(storage) ?? swapSize;
    sizes.set(storage, known);
    return known === swapSize;
  });
}
