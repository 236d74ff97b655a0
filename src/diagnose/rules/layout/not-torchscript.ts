import { defineRule } from '../../define-rule.ts';

/** Names that promise a program: `model_scripted.pt`, `traced.pt`, `net.jit.pt`, `model.ptl`. */
const PROMISES = /(^|[._-])(torch)?(scripted|script|torchscript|traced|trace|jit)([._-]|$)|\.ptl$/i;

export default defineRule({
  id: 'layout/not-torchscript',
  severity: 'info',
  needs: 'container',
  title: 'The file is no TorchScript archive, although its name says so',
  options: { required: false },
  check({ container, path }, _examination, { required }) {
    const name = path.replace(/^.*[\\/]/s, '');
    if (container.kind !== 'torch-zip' || !(required || PROMISES.test(name))) return undefined;
    return {
      severity: required ? 'error' : 'info',
      message:
        'The file is what torch.save writes, not a TorchScript archive: torch.jit.load, LibTorch and DJL fail with "PytorchStreamReader failed locating file constants.pkl: file not found". Load it with torch.load, or export the model with torch.jit.script or torch.jit.trace and save that; fix can not make a program of weights.',
      subjects: ['constants.pkl'],
    };
  },
});
