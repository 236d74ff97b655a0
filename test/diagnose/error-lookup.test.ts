import { describe, expect, it } from 'vitest';
import { readRulePages } from '../../src/cli/pages.ts';
import { byteMeaning, ErrorLookup, errorTextsOf } from '../../src/diagnose/error-lookup.ts';
import { errorWords } from '../../src/diagnose/error-text.ts';
import { RULES } from '../../src/diagnose/rules/index.ts';

const pages = await readRulePages();
const lookup = new ErrorLookup(pages);
const idsFor = (text: string) => lookup.find(text).map(({ id }) => id);
const ADVICE =
  'In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can result in arbitrary code execution. Do it only if you got the file from a trusted source.';
/** A refusal of torch 2.13, with all that it says around the cause. */
const refused = (name: string) =>
  `_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options, \u001b[1mdo those steps only if you trust the source of the checkpoint\u001b[0m. \n\t(1) ${ADVICE}\n\t(2) Alternatively, to load with \`weights_only=True\` please check the recommended steps in the following error message.\n\tWeightsUnpickler error: Unsupported global: GLOBAL ${name} was not an allowed global by default. Please use \`torch.serialization.add_safe_globals([${name}])\` or the \`torch.serialization.safe_globals([${name}])\` context manager to allowlist this global if you trust this class/function.\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only https://pytorch.org/docs/stable/generated/torch.load.html.`;
const operand = (byte: number) =>
  `Weights only load failed. ${ADVICE}\nPlease file an issue with the following so that we can make \`weights_only=True\` compatible with your use case: WeightsUnpickler error: \n\nUnsupported operand ${byte}\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only https://pytorch.org/docs/stable/generated/torch.load.html.`;
const loading = (text: string) => `RuntimeError: Error(s) in loading state_dict for ResNet:\n\t${text}`;
const unexpected = (key: string, bare = 'layer4.2.bn3.bias') =>
  loading(`Missing key(s) in state_dict: "${bare}". \n\tUnexpected key(s) in state_dict: "${key}". `);

/** What users paste, and the rules of which one must come first. */
const TEXTS: readonly (readonly [text: string, ...rules: string[]])[] = [
  [
    "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.",
    'device/cuda-tag',
  ],
  [
    'RuntimeError: Attempting to deserialize object on CUDA device 1 but torch.cuda.device_count() is 1. Please use torch.load with map_location to map your storages to an existing device.',
    'device/cuda-tag',
    'device/index-out-of-range',
  ],
  [
    "don't know how to restore data location of torch.storage.UntypedStorage (tagged with npu:3)",
    'device/exotic-tag',
  ],
  ["don't know how to restore data location of torch.FloatStorage (tagged with gpu)", 'device/exotic-tag'],
  [
    "don't know how to restore data location of torch.storage.UntypedStorage (tagged with cpu:0)",
    'device/nonstandard-cpu-tag',
  ],
  [
    "don't know how to restore data location of torch.storage.UntypedStorage (tagged with CPU)",
    'device/nonstandard-cpu-tag',
  ],
  ['RuntimeError: torch.UntypedStorage(): Storage device not recognized: mps', 'device/exotic-tag'],
  [
    'Attempting to deserialize object on a XPU device but torch.xpu.is_available() is False.',
    'device/exotic-tag',
  ],
  ['RuntimeError: The HPU device module is not registered.', 'device/exotic-tag'],
  [unexpected('module.layer4.2.bn3.bias'), 'keys/module-prefix'],
  [unexpected('layer4.2.bn3.bias', 'module.layer4.2.bn3.bias'), 'keys/module-prefix'],
  ['KeyError: \'unexpected key "module.features.0.weight" in state_dict\'', 'keys/module-prefix'],
  [unexpected('_orig_mod.transformer.h.0.ln_1.weight'), 'keys/compile-prefix'],
  [unexpected('_orig_mod.module.conv.weight'), 'keys/compile-prefix'],
  [unexpected('module._orig_mod.conv.weight'), 'keys/compile-prefix'],
  [unexpected('_fsdp_wrapped_module.lm_head.weight'), 'keys/fsdp-prefix'],
  [unexpected('blocks.0._checkpoint_wrapped_module.attn.weight'), 'keys/fsdp-prefix'],
  [unexpected('_forward_module.lm_head.weight'), 'keys/fsdp-prefix'],
  [unexpected('_fsdp_wrapped_module._flat_param'), 'sharding/flat-param'],
  [
    unexpected('base_model.model.model.layers.3.mlp.up_proj.weight'),
    'keys/peft-prefix',
    'layout/adapter-only',
  ],
  [
    unexpected('base_model.model.model.layers.3.q_proj.lora_A.default.weight'),
    'keys/peft-prefix',
    'layout/adapter-only',
  ],
  [unexpected('encoder.conv.weight_g'), 'keys/legacy-names'],
  [unexpected('bert.embeddings.LayerNorm.gamma'), 'keys/legacy-names'],
  [unexpected('net.layer4.2.bn3.bias'), 'keys/common-prefix'],
  [
    loading(
      'Missing key(s) in state_dict: "weight", "bias". Unexpected key(s) in state_dict: "state_dict", "epoch". ',
    ),
    'layout/nested-state-dict',
  ],
  ["KeyError: 'state_dict'", 'layout/nested-state-dict'],
  ["AttributeError: 'dict' object has no attribute 'eval'", 'layout/nested-state-dict'],
  ["AttributeError: 'dict' object has no attribute 'state_dict'", 'layout/nested-state-dict'],
  ["AttributeError: 'collections.OrderedDict' object has no attribute 'eval'", 'layout/nested-state-dict'],
  ["_pickle.UnpicklingError: invalid load key, 'v'.", 'content/lfs-pointer'],
  ["_pickle.UnpicklingError: invalid load key, '<'.", 'content/html'],
  [operand(118), 'content/lfs-pointer'],
  [operand(60), 'content/html'],
  [operand(123), 'content/json'],
  [operand(31), 'content/gzip'],
  [
    'Cannot use ``weights_only=True`` with files saved in the legacy .tar format.',
    'legacy/tar',
    'content/zero-filled',
    'content/archive',
  ],
  [
    'RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory. This is an internal miniz error. If you are seeing this error, there is a high likelihood that your checkpoint file is corrupted.',
    'zip/truncated',
  ],
  ['PytorchStreamReader failed reading zip archive: failed finding central directory', 'zip/truncated'],
  [refused('numpy._core.multiarray.scalar'), 'globals/numpy2'],
  [refused('numpy.core.multiarray.scalar'), 'globals/numpy-value'],
  [refused('numpy.core.multiarray._reconstruct'), 'globals/numpy-value'],
  [refused('argparse.Namespace'), 'globals/config-object'],
  [refused('omegaconf.dictconfig.DictConfig'), 'globals/config-object'],
  [refused('collections.defaultdict'), 'globals/config-object'],
  [refused('pathlib.PosixPath'), 'globals/platform-path'],
  [refused('frozenset'), 'globals/not-allowlisted'],
  [refused('slice'), 'globals/not-allowlisted'],
  [refused('ultralytics.nn.tasks.DetectionModel'), 'globals/project-class'],
  [refused('mynet.Thing'), 'globals/project-class'],
  [refused('__main__.MyNet'), 'globals/main-module'],
  ['WeightsUnpickler error: Unsupported class argparse.Namespace', 'globals/config-object'],
  ['Unsupported global: GLOBAL pathlib.WindowsPath', 'globals/platform-path'],
  [
    'expected scalar type Float but found Half',
    'dtype/mixed-float',
    'dtype/half-weights',
    'dtype/half-statistics',
  ],
  [
    'mat1 and mat2 must have the same dtype, but got Float and Half',
    'dtype/mixed-float',
    'dtype/half-weights',
  ],
  [
    'Input type (float) and bias type (c10::Half) should be the same',
    'dtype/mixed-float',
    'dtype/half-weights',
  ],
  [
    'mixed dtype (CPU): expect parameter to have scalar type of Float',
    'dtype/mixed-float',
    'dtype/half-statistics',
  ],
  ['mat1 and mat2 must have the same dtype, but got Float and Double', 'dtype/double'],
  ['TypeError: Got unsupported ScalarType BFloat16', 'dtype/bfloat16'],
  [
    'RuntimeError: unexpected EOF, expected 123456 more bytes. The file might be corrupted.',
    'legacy/truncated',
  ],
  ['storage has wrong byte size: expected %ld got %ld260256', 'legacy/storage-size-mismatch'],
  ['storage has wrong size: expected 1152921504606846976 got 16', 'legacy/storage-size-mismatch'],
  ["ModuleNotFoundError: No module named 'models'", 'globals/project-class'],
  ["ModuleNotFoundError: No module named 'models.yolo'", 'globals/project-class'],
  ["AttributeError: Can't get attribute 'LeNet' on <module '__main__'>", 'globals/main-module'],
  [
    "AttributeError: Can't get attribute 'LeNet' on <module '__main__' from 'test.py'>",
    'globals/main-module',
  ],
  [
    'Attempted to read a PyTorch file with version 99, but the maximum supported version for reading is 10',
    'compat/min-torch',
    'zip/version',
  ],
  [
    'version_ <= kMaxSupportedFileFormatVersion INTERNAL ASSERT FAILED at /pytorch/caffe2/serialize/inline_container.cc:132, please report a bug to PyTorch. Attempted to read a PyTorch file with version 3, but the maximum supported version for reading is 2. Your PyTorch installation may be too old.',
    'compat/min-torch',
    'zip/version',
  ],
  [
    loading(
      'size mismatch for fc.weight: copying a param with shape torch.Size([1000, 2048]) from checkpoint, the shape in current model is torch.Size([10, 2048]).',
    ),
    'expect/shape-mismatch',
  ],
  [
    loading(
      'size mismatch for model.embed_tokens.weight: copying a param with shape torch.Size([0]) from checkpoint, the shape in current model is torch.Size([151936, 896]).',
    ),
    'sharding/empty-placeholders',
  ],
  [
    'OverflowError: serializing a string larger than 4 GiB requires pickle protocol 4 or higher',
    'pickle/inline-bytes-huge',
  ],
  [operand(149), 'pickle/protocol'],
  [operand(73), 'pickle/protocol'],
  ['AttributeError: saved_id must be a tuple, got str', 'pickle/protocol'],
  ["ModuleNotFoundError: No module named 'pytorch_lightning'", 'layout/lightning', 'globals/project-class'],
  [
    "RuntimeError: Some tensors share memory, this will lead to duplicate memory on disk and potential differences when loading them again: [{'lm_head.weight', 'model.embed_tokens.weight'}]",
    'storage/tied',
    'convert/shared-memory',
  ],
  [
    '[enforce fail at inline_container.cc:180] . file in archive is not in a subdirectory: data.pkl',
    'zip/no-top-folder',
  ],
  [
    '[enforce fail at inline_container.cc:340] . file in archive is not in a subdirectory ok/: __MACOSX/._ok',
    'zip/foreign-entries',
  ],
  [
    'record size (100 bytes) does not match expected size (256 bytes = 64 elements * 4 bytes/element) for dtype float',
    'zip/record-size',
  ],
  ['PytorchStreamReader failed locating file data/1: file not found', 'zip/missing-record'],
  ['PytorchStreamReader failed locating file constants.pkl: file not found', 'layout/not-torchscript'],
  [
    `Cannot use \`\`weights_only=True\`\` with TorchScript archives passed to \`\`torch.load\`\`. ${ADVICE}`,
    'layout/torchscript',
  ],
  ['RuntimeError: Invalid magic number; corrupt file?', 'content/plain-pickle'],
  ["NotImplementedError: cannot instantiate 'PosixPath' on your system", 'globals/platform-path'],
  ["NotImplementedError: cannot instantiate 'WindowsPath' on your system", 'globals/platform-path'],
  ["ModuleNotFoundError: No module named 'numpy._core'", 'globals/numpy2'],
  [
    `Weights only load failed. \`\`torch.distributed.tensor\`\` must be imported to load DTensors\n ${ADVICE}`,
    'globals/dtensor',
  ],
  [
    "ValueError: loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    'expect/optimizer-groups',
    'content/training-state',
  ],
  [
    'RuntimeError: mmap can only be used with files saved with `torch.save(model.pth, _use_new_zipfile_serialization=True)`',
    'legacy/format',
    'compat/mmap',
  ],
  ["AttributeError: 'int' object has no attribute 'startswith'", 'layout/non-string-keys'],
  [
    loading(
      'While copying the parameter named "encoder.bias", expected torch.Tensor or Tensor-like object from checkpoint but received <class \'float\'>',
    ),
    'layout/non-tensor-value',
  ],
  ['ValueError: Unknown endianness type: middle', 'zip/byteorder'],
  [
    "UnicodeDecodeError: 'ascii' codec can't decode byte 0x8b in position 0: ordinal not in range(128)",
    'pickle/python2-strings',
  ],
];

describe('the lookup of error texts', () => {
  it.each(TEXTS.map(([text, ...rules]) => ({ text, rules })))(
    'finds $rules.0 for $text',
    ({ text, rules }) => {
      expect(rules).toContain(idsFor(text)[0]);
    },
  );

  it.each(TEXTS.map(([text, ...rules]) => ({ text, rules })))(
    'finds $rules.0 where a shell took the quotes of $text',
    ({ text, rules }) => {
      expect(idsFor(text.replaceAll('"', '')).some((id) => rules.includes(id))).toBe(true);
    },
  );

  it.each(RULES.map(({ id }) => id))('finds %s by a text that its own page opens with', (id) => {
    const page = pages.find((each) => each.id === id);
    const texts = errorTextsOf(page?.markdown ?? '');
    expect(texts).not.toHaveLength(0);
    expect(texts.some((text) => idsFor(text).includes(id))).toBe(true);
  });

  it('finds nothing for what is no error of torch', () => {
    for (const text of ['', 'hello world', 'TypeError: unsupported operand type(s) for +: int and str'])
      expect(idsFor(text)).toEqual([]);
  });

  it('tells what the number of an operand is', () => {
    expect(byteMeaning('Unsupported operand 118')).toContain("118 is the letter 'v'");
    expect(byteMeaning("invalid load key, '<'.")).toContain("60 is the letter '<'");
    expect(byteMeaning("invalid load key, '\\x1f'.")).toContain('0x1f');
    expect(byteMeaning('Unsupported operand 149')).toContain('opcode FRAME');
    expect(byteMeaning('Unsupported operand 9999')).toBeUndefined();
    expect(byteMeaning("KeyError: 'x'")).toBeUndefined();
  });

  it('sees through the advice that torch wraps around the cause', () => {
    expect(errorWords(operand(118)).plain).toEqual(['unsupported', 'operand', 'byte_118']);
    expect(errorWords(refused('slice'))).toMatchObject({ quoted: ['slice'] });
  });
});
