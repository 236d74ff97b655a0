import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'content/plain-pickle',
  severity: 'error',
  needs: 'pickle',
  title: 'The file is a plain pickle, not made by torch.save',
  check({ container, damage, tensors, globals }) {
    if (container.kind !== 'pickle') return undefined;
    const inline = globals.some(({ name }) => name === 'torch.storage._load_from_bytes');
    const healthy = damage.length === 0 && tensors.length > 0;
    return {
      message: `The file was written by pickle.dump or a program such as joblib, not by torch.save: torch.load fails with "Invalid magic number; corrupt file?", with weights_only=True${inline ? ' with "Unsupported global: GLOBAL torch.storage._load_from_bytes"' : ' often before that'}. ${healthy ? 'fix writes its tensors as torch.save does.' : 'There are no tensors in it that fix could write as torch.save does; load it with pickle.load, if you trust it.'}`,
      subjects: tensors.length ? tensors.map(({ name }) => name) : ['the file'],
      fix: healthy ? ['--auto'] : [],
    };
  },
});
