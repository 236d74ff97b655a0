import { defineRule } from '../../define-rule.ts';
import { counted, listed, placeName } from '../../wording.ts';

export default defineRule({
  id: 'keys/mixed-types',
  severity: 'warning',
  needs: 'pickle',
  title: 'Tensors stand under keys of several types, or under such as name nothing',
  check(_checkpoint, { graph }) {
    if (graph.mixed.length === 0) return undefined;
    const subjects = graph.mixed.map((path) => placeName(path));
    return {
      message: `${counted(subjects.length, 'dict')} of tensors (${listed(subjects)}) ${subjects.length === 1 ? 'has' : 'have'} keys of several types, or keys that are neither strings nor numbers: it is no state_dict, load_state_dict fails with "object has no attribute 'startswith'", and formats such as safetensors can not hold it. fix does not rename such keys: make strings of them before you save.`,
      subjects,
    };
  },
});
