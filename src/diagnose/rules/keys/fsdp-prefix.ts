import { defineRule } from '../../define-rule.ts';
import { innerWrapperResult, type WrapperPrefix, wrapperResult } from '../../wrappers.ts';

/** Each with the one that puts it there. */
const WRAPPERS: readonly (readonly [WrapperPrefix, string])[] = [
  ['_fsdp_wrapped_module.', ', from FullyShardedDataParallel'],
  ['_checkpoint_wrapped_module.', ', from activation checkpointing'],
  ['_forward_module.', ', from Lightning Fabric'],
];

export default defineRule({
  id: 'keys/fsdp-prefix',
  severity: 'warning',
  needs: 'pickle',
  title: 'Keys carry the names of FSDP, activation checkpointing or Fabric wrappers',
  check(_checkpoint, examination) {
    return [
      ...WRAPPERS.map(([prefix, origin]) => wrapperResult(prefix, examination, origin)),
      innerWrapperResult(
        WRAPPERS.map(([prefix]) => prefix),
        examination,
        ' by FSDP or activation checkpointing',
      ),
    ].filter((result) => result !== undefined);
  },
});
