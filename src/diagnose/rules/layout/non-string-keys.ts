import { isNode, type Value } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { pythonType } from '../../python-type.ts';
import { counted, listed, placeName, printable } from '../../wording.ts';

export default defineRule({
  id: 'layout/non-string-keys',
  severity: 'warning',
  needs: 'pickle',
  title: 'A state_dict has keys that are no strings',
  check(_checkpoint, examination) {
    const found = examination.modelDicts
      // all keys of nearly every model are those of its tensors
      .filter(({ keys, tensorKeys }) => keys.length > tensorKeys.length)
      .map(({ path, keys }) => ({ path, odd: keys.filter((key) => typeof key !== 'string') }))
      .filter(({ odd }) => odd.length);
    const first = found[0]?.odd[0];
    if (first === undefined) return undefined;
    const subjects = found.flatMap(({ path, odd }) =>
      odd.map((key) => `${path.length ? `${placeName(path)}.` : ''}${keyText(key)}`),
    );
    return {
      message: `${counted(subjects.length, 'key')} in ${listed(found.map(({ path }) => placeName(path)))} ${subjects.length === 1 ? 'is no string' : 'are no strings'} (${listed(subjects)}): load_state_dict fails with "'${pythonType(first)}' object has no attribute 'startswith'". fix does not rename them: take them out, or make strings of them, before you save.`,
      subjects,
    };
  },
});

function keyText(key: Value): string {
  return isNode(key) ? `<${pythonType(key)}>` : printable(String(key));
}
