import { pathName } from '../../../checkpoint/path.ts';
import { pathOf, walkNodes } from '../../../checkpoint/walk.ts';
import { entriesOf, PyList, type Value } from '../../../pickle/values.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import { printable } from '../../wording.ts';

export default defineRule({
  id: 'expect/optimizer-groups',
  severity: 'error',
  needs: 'expectation',
  title: 'The optimizer has other parameter groups than expected',
  check({ root }, { expected }) {
    const wanted = expected?.optimizerGroups;
    if (!wanted) return undefined;
    const results: RuleResult[] = [];
    walkNodes(root, (node, place) => {
      const groups = groupSizes(valueAt(node, 'param_groups'));
      const failure = groups && failureOf(groups, wanted);
      if (!failure) return undefined;
      const name = pathName(pathOf(place));
      results.push({
        message: `The optimizer ${name ? `in ${printable(name)}` : 'at the root'} has groups of ${groups.join(', ')} parameters where ${wanted.join(', ')} are expected: optimizer.load_state_dict fails with "${failure}".`,
        subjects: [name ? `${name}.param_groups` : 'param_groups'],
      });
      return undefined;
    });
    return results;
  },
});

function failureOf(groups: readonly number[], wanted: readonly number[]): string | undefined {
  if (groups.length !== wanted.length) return 'loaded state dict has a different number of parameter groups';
  if (groups.every((count, index) => count === wanted[index])) return undefined;
  return "loaded state dict contains a parameter group that doesn't match the size of optimizer's group";
}

/** Number of parameters in each group; undefined where it is nothing that an optimizer of torch has saved. */
function groupSizes(groups: Value | undefined): number[] | undefined {
  if (!(groups instanceof PyList)) return undefined;
  const sizes = groups.items.map((group) => {
    const parameters = valueAt(group, 'params');
    return parameters instanceof PyList ? parameters.items.length : -1;
  });
  return sizes.includes(-1) ? undefined : sizes;
}

function valueAt(value: Value, key: string): Value | undefined {
  const entries = typeof value === 'object' && value !== null ? entriesOf(value) : undefined;
  const index = entries?.keys.lastIndexOf(key) ?? -1;
  return index < 0 ? undefined : entries?.values[index];
}
