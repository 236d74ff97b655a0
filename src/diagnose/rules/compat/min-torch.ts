import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { DTYPE_SINCE, REBUILD_V3, TORCH_2, type TorchVersion, versionText } from '../../../torch/versions.ts';
import type { TensorCensus } from '../../census.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

/** What an older torch would have to know, and the version that first did. */
interface Requirement {
  readonly version: TorchVersion;
  readonly what: string;
  readonly failure: string;
  readonly subjects: readonly string[];
}

const V3 = "Can't get attribute '_rebuild_tensor_v3' on <module 'torch._utils'";
const WITH_DTYPE = 'torch._utils._rebuild_tensor_v3';

export default defineRule({
  id: 'compat/min-torch',
  severity: 'info',
  needs: 'pickle',
  title: 'Old versions of torch can not load the file',
  check(checkpoint, { tensors }) {
    if (!['torch-zip', 'torch-legacy'].includes(checkpoint.container.kind)) return undefined;
    const requirements = [...dtypes(checkpoint), ...lazyBits(tensors)];
    if (!requirements.length) return undefined;
    const floor = Math.max(...requirements.map(({ version }) => version));
    const binding = requirements.filter(({ version }) => version === floor);
    const subjects = binding.flatMap((requirement) => requirement.subjects);
    return {
      message: `The file needs torch ${versionText(floor)} or newer, for ${listed(binding.map(({ what }) => what))} (${listed(subjects)}): an older one fails with "${(binding[0] as Requirement).failure}". ${cureOf(floor)}`,
      subjects,
    };
  },
});

/** Lazy bits can be written another way; no older torch has the dtype. */
function cureOf(floor: TorchVersion): string {
  return floor > TORCH_2
    ? 'Only other values make it older: fix --dtype casts floats.'
    : 'fix --target-torch 1.13 writes the numbers that it stands for, which every torch reads.';
}

function dtypes({ tensors, globals }: Checkpoint): Requirement[] {
  if (!globals.some(({ name }) => name === WITH_DTYPE)) return [];
  const names = new Map<string, string[]>();
  for (const { dtype, name } of tensors) {
    if (DTYPE_SINCE[dtype.name] === undefined) continue;
    const known = names.get(dtype.name);
    if (known) known.push(name);
    else names.set(dtype.name, [name]);
  }
  return [...names].map(([dtype, subjects]) => {
    const version = DTYPE_SINCE[dtype] as TorchVersion;
    return {
      version,
      what: `${counted(subjects.length, 'tensor')} of ${dtype}`,
      failure: version > REBUILD_V3 ? `module 'torch' has no attribute '${dtype}'` : V3,
      subjects,
    };
  });
}

/** torch writes them as a seventh argument, which 1.x does not take. */
function lazyBits({ lazy }: TensorCensus): Requirement[] {
  if (!lazy.length) return [];
  const subjects = lazy.map(({ name }) => name);
  return [
    {
      version: TORCH_2,
      what: `${counted(subjects.length, 'tensor')} with a lazy conjugate or negative`,
      failure: '_rebuild_tensor_v2() takes 6 positional arguments but 7 were given',
      subjects,
    },
  ];
}
