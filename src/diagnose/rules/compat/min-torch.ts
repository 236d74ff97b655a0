import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

/** What an older torch would have to know, and the version that first did. */
interface Requirement {
  readonly version: number;
  readonly what: string;
  readonly failure: string;
  readonly subjects: readonly string[];
}

/** The first versions that save and load these dtypes; no version loads what it has no dtype for. */
const DTYPES: Readonly<Record<string, number>> = {
  float8_e5m2: 2.2,
  float8_e4m3fn: 2.2,
  float8_e5m2fnuz: 2.2,
  float8_e4m3fnuz: 2.2,
  uint16: 2.3,
  uint32: 2.3,
  uint64: 2.3,
  complex32: 2.3,
  float8_e8m0fnu: 2.7,
  float4_e2m1fn_x2: 2.8,
};
const V3 = "Can't get attribute '_rebuild_tensor_v3' on <module 'torch._utils'";
const REBUILD_V3 = 'torch._utils._rebuild_tensor_v3';

export default defineRule({
  id: 'compat/min-torch',
  severity: 'info',
  needs: 'pickle',
  title: 'Old versions of torch can not load the file',
  check(checkpoint) {
    if (!['torch-zip', 'torch-legacy'].includes(checkpoint.container.kind)) return undefined;
    const requirements = [...dtypes(checkpoint), ...lazyBits(checkpoint)];
    if (!requirements.length) return undefined;
    const floor = Math.max(...requirements.map(({ version }) => version));
    const binding = requirements.filter(({ version }) => version === floor);
    const subjects = binding.flatMap((requirement) => requirement.subjects);
    return {
      message: `The file needs torch ${floor.toFixed(1)} or newer, for ${listed(binding.map(({ what }) => what))} (${listed(subjects)}): an older one fails with "${(binding[0] as Requirement).failure}". fix can not make it older without changing its values.`,
      subjects,
    };
  },
});

function dtypes({ tensors, globals }: Checkpoint): Requirement[] {
  if (!globals.some(({ name }) => name === REBUILD_V3)) return [];
  const names = new Map<string, string[]>();
  for (const { dtype, name } of tensors) {
    if (DTYPES[dtype.name] === undefined) continue;
    const known = names.get(dtype.name);
    if (known) known.push(name);
    else names.set(dtype.name, [name]);
  }
  return [...names].map(([dtype, subjects]) => {
    const version = DTYPES[dtype] as number;
    return {
      version,
      what: `${counted(subjects.length, 'tensor')} of ${dtype}`,
      failure: version > 2.2 ? `module 'torch' has no attribute '${dtype}'` : V3,
      subjects,
    };
  });
}

/** torch writes them as a seventh argument, which 1.x does not take. */
function lazyBits({ tensors }: Checkpoint): Requirement[] {
  const subjects = tensors.filter(({ conj, neg }) => conj || neg).map(({ name }) => name);
  if (!subjects.length) return [];
  return [
    {
      version: 2,
      what: `${counted(subjects.length, 'tensor')} with a lazy conjugate or negative`,
      failure: '_rebuild_tensor_v2() takes 6 positional arguments but 7 were given',
      subjects,
    },
  ];
}
