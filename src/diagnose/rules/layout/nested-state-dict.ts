import { pathName } from '../../../checkpoint/path.ts';
import { entriesOf } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { subscript } from '../../model-dicts.ts';
import { listed, placeName, printable } from '../../wording.ts';

export default defineRule({
  id: 'layout/nested-state-dict',
  severity: 'info',
  needs: 'pickle',
  title: 'The state_dict stands inside another dict',
  check(checkpoint, examination) {
    const models = examination.modelDicts;
    const first = models[0];
    if (!first || models.some(({ path }) => path.length === 0)) return undefined;
    const keys = (entriesOf(checkpoint.root)?.keys ?? []).filter((key) => typeof key === 'string');
    const quoted = keys.slice(0, 2).map((key) => `"${printable(key)}"`);
    const failure = quoted.length
      ? `load_state_dict of the whole file fails with 'Missing key(s) in state_dict … Unexpected key(s) in state_dict: ${quoted.join(', ')}'`
      : 'load_state_dict of the whole file fails, since it is no dict of tensors';
    const subjects = models.map(({ path }) => placeName(path));
    return {
      message: `The weights stand in ${listed(subjects)}: ${failure}. Load it with model.load_state_dict(torch.load(path)${printable(subscript(first.path))}), or make it the whole file with fix --extract ${printable(pathName(first.path))}.`,
      subjects,
    };
  },
});
