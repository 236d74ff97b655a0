import { defineRule } from '../../define-rule.ts';
import { fileName, printable } from '../../wording.ts';

export default defineRule({
  id: 'content/safetensors',
  severity: 'warning',
  needs: 'container',
  title: 'A safetensors file has the name of another format',
  check({ container, path, tensors, damage }) {
    const name = fileName(path);
    // of a folder it is not the name of the file
    if (container.kind !== 'safetensors' || container.folder || /\.safetensors$/i.test(name))
      return undefined;
    return {
      message: `The file is safetensors, but its name ${printable(name)} does not say so: torch.load fails with "invalid load key", or "Unsupported operand" with weights_only=True. Rename it to .safetensors, or load it with safetensors.torch.load_file${damage.length ? '.' : '; fix writes a file that torch.load reads.'}`,
      subjects: tensors.length ? tensors.map((tensor) => tensor.name) : ['the file'],
      fix: damage.length ? [] : ['--auto'],
    };
  },
});
