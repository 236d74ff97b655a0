import { defineRule } from '../../define-rule.ts';
import { fileName } from '../../wording.ts';

/** `model-00002-of-00005.safetensors`, as transformers and its kin number shards from 1. */
const SHARD = /^(.*?)-(\d{5})-of-(\d{5})(\.[a-z0-9]+)$/i;

export default defineRule({
  id: 'sharding/lone-shard',
  severity: 'warning',
  needs: 'container',
  title: 'The file is one shard of several',
  check({ path, sharding, container }) {
    const match = SHARD.exec(fileName(path));
    if (!match || sharding || container.folder !== undefined) return undefined;
    const [, stem, number, count, ending] = match;
    // a set of one is whole
    if (Number(count) < 2) return undefined;
    return {
      message: `The file is shard ${Number(number)} of ${Number(count)}: load_state_dict of it alone fails with "Missing key(s) in state_dict". Give the index beside it (${stem}${ending}.index.json) or the folder, and fix merges the whole set.`,
      subjects: [fileName(path)],
    };
  },
});
