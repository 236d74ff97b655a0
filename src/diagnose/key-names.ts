import { isAdapterKey, PEFT_PREFIX } from './adapter-keys.ts';

/** Attributes under which training frameworks and scripts keep the model; a name such as `encoder` tells nothing. */
export const HOLDERS: ReadonlySet<string> = new Set([
  ...['model', '_model', 'net', '_net', 'network', 'backbone', 'student', 'teacher', 'online_network'],
  ...['ema_model', 'policy', 'generator', 'G', 'netG', 'base', 'base_net', 'wrapped_model', 'inner_model'],
]);

/** `FullyShardedDataParallel` lays the parameters of a unit end to end into one; the shapes stand in the running model alone. */
const FLAT_PARAMETER = /(^|\.)_?flat_param(_\d+)?$/;

/** Tells at one letter, the last, of most keys that they end in none of these names. */
export function mayEndIn(names: readonly string[]): (key: string) => boolean {
  const lasts = new Set(names.map((name) => name.charCodeAt(name.length - 1)));
  return (key) => lasts.has(key.charCodeAt(key.length - 1));
}

const mayBeFlat = mayEndIn(['flat_param', ...'0123456789']);

export function isFlatParameter(key: string): boolean {
  return mayBeFlat(key) && FLAT_PARAMETER.test(key);
}

/** What stands at the top of training checkpoints. */
const TRAINING_KEYS =
  /^(state_dict|model|model_state_dict|net|ema|epoch|optimizer|optimizer_state_dict|optimizer_states|scheduler|lr_schedulers?|global_step|loss|pytorch-lightning_version)$/;

/** By the names of keys: the first that matches speaks of them. */
const RULES_OF_KEYS: readonly (readonly [string, (keys: readonly string[]) => boolean])[] = [
  ['sharding/flat-param', (keys) => keys.some(isFlatParameter)],
  ['keys/compile-prefix', (keys) => keys.some((key) => `.${key}`.includes('._orig_mod.'))],
  [
    'keys/fsdp-prefix',
    (keys) =>
      keys.some((key) => /(^|\.)_(fsdp_wrapped_module|checkpoint_wrapped_module|forward_module)\./.test(key)),
  ],
  ['keys/module-prefix', (keys) => keys.every((key) => key.startsWith('module.'))],
  ['layout/adapter-only', (keys) => keys.every(isAdapterKey)],
  ['keys/peft-prefix', (keys) => keys.every((key) => key.startsWith(PEFT_PREFIX))],
  ['keys/legacy-names', (keys) => keys.some((key) => /\.(weight_[gv]|original[01]|gamma|beta)$/.test(key))],
  [
    'layout/nested-state-dict',
    (keys) => keys.some((key) => TRAINING_KEYS.test(key)) && keys.every((key) => !key.includes('.')),
  ],
  ['keys/common-prefix', (keys) => keys.every((key) => HOLDERS.has(key.split('.', 1)[0] as string))],
];

/** The rule that speaks of keys which a model did not expect; undefined where their names tell nothing. */
export function ruleOfUnexpectedKeys(keys: readonly string[]): string | undefined {
  return keys.length > 0 ? RULES_OF_KEYS.find(([, matches]) => matches(keys))?.[0] : undefined;
}
