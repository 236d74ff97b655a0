import type { StateDict } from '../checkpoint/state-dicts.ts';

/** What PEFT puts before the names of the base model. */
export const PEFT_PREFIX = 'base_model.model.';

const ADAPTER_KEY =
  /(^|\.)(lora_(A|B|down|up|embedding_[AB]|magnitude_vector|alpha)|lora_[a-z_]+|ia3_l|hada_w[12]_[ab]|lokr_w\d?(_[ab])?|prompt_embeddings|adapter_(down|up)|oft_[rR]|vera_lambda_[bd])(\.|$)|_lora(\.|_)|(^|\.)lora_(unet|te\d?)_/;
/** Trained in full beside the adapters, and the scalars that tools write next to them. */
const BESIDE_ADAPTERS = /(^|\.)(modules_to_save|alpha|dora_scale|magnitude)(\.|$)/;

/** Whether a key names the small matrices that an adapter adds to a layer. */
export function isAdapterKey(key: string): boolean {
  return ADAPTER_KEY.test(key);
}

/** A state_dict that has adapters and nothing of the model that they are for. */
export function hasOnlyAdapters({ tensorKeys }: StateDict): boolean {
  // that all are such fails at the first key of nearly every model
  return (
    tensorKeys.every((key) => isAdapterKey(key) || BESIDE_ADAPTERS.test(key)) && tensorKeys.some(isAdapterKey)
  );
}
