import type { StateDict } from '../../../checkpoint/state-dicts.ts';
import type { Tensor } from '../../../checkpoint/tensor.ts';
import { defineRule } from '../../define-rule.ts';
import { mayEndIn } from '../../key-names.ts';
import { leafOf } from '../../model-dicts.ts';
import { counted, listed, namesUnder } from '../../wording.ts';

/** Buffers of places and kinds, which index a table: transformers, CLIP, BERT; Swin, BEiT and MaxViT. */
const INDEXES = ['position_ids', 'token_type_ids', 'relative_position_index'];
const mayBeIndex = mayEndIn(INDEXES);

export default defineRule({
  id: 'dtype/integer-buffer-as-float',
  severity: 'warning',
  needs: 'pickle',
  title: 'Indexes are stored as floating-point numbers',
  check(_checkpoint, examination) {
    const found = examination.modelDicts.flatMap(indexesIn);
    const first = found[0];
    if (!first) return undefined;
    const subjects = found.map(({ name }) => name);
    const dtypes = [...new Set(found.map(({ dtype }) => dtype))];
    return {
      message: `${counted(found.length, 'buffer of indexes is', 'buffers of indexes are')} ${listed(dtypes)} (${listed(subjects)}), as merging or averaging checkpoints leaves integers: 76 becomes 75.9975. load_state_dict cuts the fraction off without a word, so it is 75 then; used as saved it fails with "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead". fix can not know the integers; --drop '**.${first.leaf}' leaves them out for a library that makes them itself.`,
      subjects,
    };
  },
});

/** The floating-point tensors that are called like indexes. */
function indexesIn({ path, tensorKeys, tensors }: StateDict) {
  const found: { name: string; leaf: string; dtype: string }[] = [];
  for (let i = 0; i < tensorKeys.length; i++) {
    const key = tensorKeys[i] as string;
    if (!mayBeIndex(key) || !INDEXES.includes(leafOf(key))) continue;
    const { family, name: dtype } = (tensors[i] as Tensor).dtype;
    if (family === 'float') found.push({ name: namesUnder(path)(key), leaf: leafOf(key), dtype });
  }
  return found;
}
