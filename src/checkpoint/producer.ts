import { entriesOf, lookup, type Value } from '../pickle/values.ts';
import type { Checkpoint } from './checkpoint.ts';

/** What wrote a checkpoint, as far as it shows. */
export interface Producer {
  /** The library: `PyTorch Lightning`, `timm`. Left out where only the torch shows. */
  readonly name?: string;
  readonly version?: string;
  /** Range of torch versions: `2.7 or newer`. */
  readonly torch?: string;
}

interface Sign {
  readonly name: string;
  /** Keys that the root has, all of them; one of several where they are joined by `|`. */
  readonly keys?: readonly string[];
  /** A package of whose names the pickle has one. */
  readonly module?: RegExp;
  /** Where the version stands, if the file has it. */
  readonly version?: readonly string[];
}

/** The surest sign first: several libraries build on others of this list. */
const SIGNS: readonly Sign[] = [
  { name: 'DeepSpeed', keys: ['ds_version'], version: ['ds_version'] },
  { name: 'DeepSpeed', module: /^deepspeed\./ },
  { name: 'PyTorch Lightning', keys: ['pytorch-lightning_version'], version: ['pytorch-lightning_version'] },
  { name: 'Ultralytics YOLO', keys: ['train_args', 'model|ema', 'version'], version: ['version'] },
  { name: 'Ultralytics YOLO', module: /^ultralytics\./, version: ['version'] },
  { name: 'YOLOv5', module: /^models\.(yolo|common|experimental)\.|^yolov5\./ },
  { name: 'MMEngine', keys: ['meta.mmengine_version'], version: ['meta', 'mmengine_version'] },
  { name: 'MMCV', keys: ['meta.mmcv_version'], version: ['meta', 'mmcv_version'] },
  { name: 'Megatron', keys: ['checkpoint_version', 'model|rng_state|args'], version: ['checkpoint_version'] },
  { name: 'Megatron', module: /^megatron\./ },
  { name: 'fairseq', keys: ['args|cfg', 'model', 'extra_state|optimizer_history|last_optimizer_state'] },
  { name: 'timm', keys: ['arch', 'args', 'state_dict', 'version'] },
  { name: 'Composer', keys: ['state', 'rng'] },
  { name: 'OpenNMT', keys: ['model', 'generator', 'opt', 'vocab|optim'] },
  { name: 'OpenAI Whisper', keys: ['dims', 'model_state_dict'] },
  { name: 'Detectron2', keys: ['model', '__author__'] },
  { name: 'Detectron2', keys: ['model', 'iteration', 'optimizer', 'scheduler'] },
  {
    name: 'Hugging Face Trainer',
    keys: ['random_state|python', 'numpy|numpy_random_seed', 'cpu|torch_manual_seed'],
  },
  { name: 'transformers', module: /^transformers\./ },
  { name: 'fastai', module: /^fastai\./ },
  { name: 'PyTorch Geometric', module: /^torch_geometric\./ },
  { name: 'sentence-transformers', module: /^sentence_transformers\./ },
  { name: 'SpeechBrain', module: /^speechbrain\./ },
  { name: 'Flair', module: /^flair\./ },
  { name: 'AllenNLP', module: /^allennlp\./ },
  { name: 'MMDetection', module: /^mmdet\./ },
];

/** Tells the library and the torch that wrote a checkpoint; undefined where nothing shows. */
export function producerOf(checkpoint: Checkpoint): Producer | undefined {
  const torch = /^torch ([^,]+)/.exec(checkpoint.container.era ?? '')?.[1];
  const library = libraryOf(checkpoint) ?? fromAnnotations(checkpoint.annotations);
  if (!library && torch === undefined) return undefined;
  return { ...library, ...(torch !== undefined && { torch }) };
}

type Library = Omit<Producer, 'torch'>;

function libraryOf({ root, globals, container }: Checkpoint): Library | undefined {
  if (container.folder?.startsWith('DeepSpeed')) return withVersion('DeepSpeed', root, ['ds_version']);
  for (const { name, keys, module, version = [] } of SIGNS) {
    const byKeys = keys?.every((key) =>
      key.split('|').some((each) => at(root, each.split('.')) !== undefined),
    );
    if (byKeys || (module && globals.some((global) => module.test(global.name))))
      return withVersion(name, root, version);
  }
  return container.kind === 'distcp' ? { name: 'torch.distributed.checkpoint' } : undefined;
}

function at(value: Value, path: readonly string[]): Value | undefined {
  let found: Value | undefined = value;
  for (const key of path) found = found === undefined || !entriesOf(found) ? undefined : lookup(found, key);
  return found;
}

function withVersion(name: string, root: Value, path: readonly string[]): Library {
  const found = path.length > 0 ? at(root, path) : undefined;
  const version = typeof found === 'number' ? String(found) : found;
  const shown =
    typeof version === 'string' || (version && typeof version === 'object' && version.kind === 'float');
  if (!shown) return { name };
  const text = typeof version === 'string' ? version : String((version as { value: number }).value);
  return { name, version: text.slice(0, 40) };
}

/** safetensors files and indexes say of themselves who wrote them. */
function fromAnnotations(annotations: Checkpoint['annotations']): Library | undefined {
  const metadata = annotations && (lookup(annotations, '__metadata__') ?? lookup(annotations, 'metadata'));
  const entries = metadata === undefined ? undefined : entriesOf(metadata);
  if (!metadata || !entries) return undefined;
  if (entries.keys.some((key) => typeof key === 'string' && key.startsWith('ss_')))
    return { name: 'kohya-ss sd-scripts' };
  const format = lookup(metadata, 'format');
  if (format === 'mlx') return { name: 'MLX' };
  // transformers, diffusers and timm all write it, and the safetensors library does not
  if (format === 'pt' || lookup(metadata, 'total_size') !== undefined)
    return { name: 'Hugging Face libraries' };
  return undefined;
}
