import type { RuleResult } from './define-rule.ts';
import type { Examination } from './examination.ts';
import {
  type GlobalKind,
  globalSubject,
  listGlobals,
  type RefusedGlobal,
  refusalText,
} from './refused-globals.ts';
import { counted, listed } from './wording.ts';

/** What differs between the rules of globals. */
export interface GlobalsWording {
  readonly noun: string;
  readonly plural: string;
  /** What fails with `weights_only=False` too, where anything does; a sentence. */
  readonly also?: string;
  /** What a person can do in Python; follows «where you trust the source,». Left out where nobody should. */
  readonly byHand?: string;
}

/** Which globals of one kind there are, how torch ends at the first of them, and what fix can do about it. */
export function globalsResult(
  examination: Examination,
  kind: GlobalKind,
  wording: (globals: readonly RefusedGlobal[]) => GlobalsWording | undefined,
): RuleResult | undefined {
  const globals = examination.refusedGlobals(kind);
  const first = globals[0];
  const words = first && wording(globals);
  if (!words) return undefined;
  const { noun, plural, also, byHand } = words;
  return {
    message: [
      `The pickle names ${counted(globals.length, noun, plural)}: ${listGlobals(globals)}.`,
      `torch.load with weights_only=True, the default since torch 2.6, fails with "${refusalText(first.name)}".`,
      ...(also ? [also] : []),
      globalsCure(examination),
      ...(byHand ? [`By hand: where you trust the source, ${byHand}.`] : []),
    ].join(' '),
    subjects: globals.map(globalSubject),
    fix: globalsFlags(examination),
  };
}

/** Flags that leave no name behind and lose nothing: a module alone is as good as its state_dict, and plain values say the same. */
export function globalsFlags({ isModuleAlone, withoutPlainForm }: Examination): readonly string[] {
  if (isModuleAlone) return ['--weights'];
  return withoutPlainForm.length === 0 ? ['--safe'] : [];
}

/** What `fix` can do about names that `weights_only` refuses; a sentence. */
export function globalsCure({ weights, isModuleAlone, withoutPlainForm }: Examination): string {
  if (isModuleAlone) return 'fix --weights writes the state_dict of the module, which needs none of them.';
  if (withoutPlainForm.length === 0) return 'fix --safe puts plain values that say the same in their place.';
  const none = `no plain value says the same as ${listed(withoutPlainForm)}`;
  return weights
    ? `fix --weights writes the state_dict alone and leaves out all that stands beside it; fix --safe can not keep that, for ${none}.`
    : `fix --safe can not replace them: ${none}.`;
}
