import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import type { Path } from '../../../checkpoint/path.ts';
import type { Storage } from '../../../checkpoint/storage.ts';
import { entriesOf } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { listed } from '../../wording.ts';

/** What training scripts keep at the top of a checkpoint beside the model. */
const TRAINING =
  /^(optim(izer)?s?|.*_optim(izer)?s?|optim(izer)?s?_(g|d|state|states|state_dict|dict)|.*_optimizer_state_dict|lr_?sched(uler)?s?|sched(uler)?s?|(lr_)?scheduler_.*|.*_scheduler|(grad_|loss_)?scaler|amp|native_amp_scaling_state|rng_?states?|.*_rng_state|callbacks|loops)$/i;
const AVERAGE = /(^|_)(ema|swa|averaged?|shadow)(_|$)/i;

export default defineRule({
  id: 'content/training-state',
  severity: 'info',
  needs: 'pickle',
  title: 'State of the training stands beside the weights',
  check(checkpoint, examination) {
    const models = examination.modelDicts;
    if (!models.some(({ path }) => path.length)) return undefined;
    const keys = (entriesOf(checkpoint.root)?.keys ?? []).filter((key) => typeof key === 'string');
    const modelKeys = new Set(models.map(({ path }) => path[0]));
    const optimizers = new Set(
      examination.stateDicts.filter(({ inOptimizer }) => inOptimizer).map(({ path }) => path[0]),
    );
    const average = (key: string) => modelKeys.size > 1 && modelKeys.has(key) && AVERAGE.test(key);
    const subjects = keys.filter(
      (key) => average(key) || (!modelKeys.has(key) && (optimizers.has(key) || TRAINING.test(key))),
    );
    if (!subjects.length || !models.some(({ path }) => path.length && !subjects.includes(String(path[0]))))
      return undefined;
    const [bytes, all] = sizesOf(checkpoint, new Set(subjects));
    const share = all ? Math.round((100 * bytes) / all) : 0;
    return {
      message: `Beside the weights ${subjects.length === 1 ? 'stands' : 'stand'} ${listed(subjects)}, to resume the training${bytes ? `: ${bytes} of ${all} bytes of tensors (${share} %) serve nothing else` : ''}. Whoever only runs the model can do without, and fix --weights writes the state_dict alone.`,
      subjects,
    };
  },
});

/** Bytes of the storages that only entries of these keys use, and of all storages. */
function sizesOf({ tensors, storages }: Checkpoint, keys: ReadonlySet<string>): [number, number] {
  const elsewhere = new Set<Storage>();
  const inside = new Set<Storage>();
  for (const { path, storage } of tensors) {
    if (!storage) continue;
    (isUnder(path, keys) ? inside : elsewhere).add(storage);
  }
  const sum = (all: Iterable<Storage>) => [...all].reduce((bytes, storage) => bytes + storage.bytes, 0);
  return [sum([...inside].filter((storage) => !elsewhere.has(storage))), sum(storages)];
}

function isUnder(path: Path, keys: ReadonlySet<string>): boolean {
  return keys.has(String(path[0]));
}
