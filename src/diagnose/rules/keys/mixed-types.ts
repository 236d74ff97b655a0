import { pathName } from '../../../checkpoint/path.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed, placeName } from '../../wording.ts';

export default defineRule({
  id: 'keys/mixed-types',
  severity: 'warning',
  needs: 'pickle',
  title: 'Tensors stand under keys of several types, or under such as name nothing',
  check(_checkpoint, examination) {
    if (examination.graph.mixed.length === 0) return undefined;
    // those of models are told by layout/non-string-keys
    const models = new Set(examination.modelDicts.map(({ path }) => pathName(path)));
    const subjects = examination.graph.mixed
      .filter((path) => !models.has(pathName(path)))
      .map((path) => placeName(path));
    if (subjects.length === 0) return undefined;
    return {
      message: `${counted(subjects.length, 'dict')} of tensors (${listed(subjects)}) ${subjects.length === 1 ? 'has' : 'have'} keys of several types, or keys that are neither strings nor numbers: it is no state_dict, load_state_dict and sorted() fail on it, and formats such as safetensors can not hold it. fix does not rename such keys: make strings of them before you save.`,
      subjects,
    };
  },
});
