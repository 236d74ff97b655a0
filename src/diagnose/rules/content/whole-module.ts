import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { isModule } from '../../../checkpoint/module-state.ts';
import { pathName } from '../../../checkpoint/path.ts';
import { pathOf, walkNodes } from '../../../checkpoint/walk.ts';
import { callableName } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

/** Kinds whose modules are a program's own, which its loader builds. */
const PROGRAMS = ['torchscript', 'torch-package', 'torch-export'];

export default defineRule({
  id: 'content/whole-module',
  severity: 'warning',
  needs: 'pickle',
  title: 'Whole modules were pickled, not their state_dict',
  check(checkpoint, examination) {
    if (PROGRAMS.includes(checkpoint.container.kind)) return undefined;
    const subjects = outermostModules(checkpoint);
    if (!subjects.length) return undefined;
    const theirs = subjects.length === 1 ? 'its' : 'their';
    const cure = examination.isModuleAlone
      ? 'fix --weights writes the state_dict of the module.'
      : examination.weights?.isModule
        ? 'fix --weights writes the state_dict of the module and leaves out all that stands beside it.'
        : 'fix --extract with the path of one, and --weights, writes the state_dict of that one.';
    return {
      message: `The file holds ${counted(subjects.length, 'whole module')} (${listed(subjects)}) and not ${theirs} state_dict: it loads only with weights_only=False, beside the code of every class in it, in the version that wrote it. ${cure}`,
      subjects,
      fix: examination.isModuleAlone ? ['--weights'] : [],
    };
  },
});

/** Class and place of the outermost module of each tree. */
function outermostModules(checkpoint: Checkpoint): string[] {
  // a module's class is never allowed, so a file without refused globals has none
  if (checkpoint.globals.every(({ weightsOnly }) => weightsOnly)) return [];
  const modules: string[] = [];
  walkNodes(
    checkpoint.root,
    (node, place) => {
      if (!isModule(node)) return undefined;
      const name = callableName(node) ?? 'a module';
      modules.push(place ? `${name} at ${pathName(pathOf(place))}` : name);
      return false;
    },
    new Set(checkpoint.tensors.map(({ node }) => node)),
  );
  return modules;
}
