import { describe, expect, it } from 'vitest';
import { type Producer, producerOf } from '../../src/checkpoint/producer.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { PyFloat, type Value } from '../../src/pickle/values.ts';
import { call, checkpointOf, dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';

const weights = () => orderedDict({ 'fc.weight': tensor() });

describe('what wrote a checkpoint', () => {
  it.each<[string, Value, Producer | undefined]>([
    ['nothing shows', weights(), undefined],
    [
      'Lightning',
      dict({ 'pytorch-lightning_version': '1.9.5', state_dict: weights() }),
      { name: 'PyTorch Lightning', version: '1.9.5' },
    ],
    [
      'timm',
      dict({ arch: 'resnet18', args: 1, state_dict: weights(), version: 2, epoch: 3 }),
      { name: 'timm' },
    ],
    [
      'YOLO',
      dict({ model: null, ema: weights(), train_args: dict({}), version: '8.0.20' }),
      { name: 'Ultralytics YOLO', version: '8.0.20' },
    ],
    ['YOLOv5', dict({ model: call('models.yolo.Model'), epoch: -1 }), { name: 'YOLOv5' }],
    ['fairseq', dict({ args: null, model: weights(), extra_state: dict({}) }), { name: 'fairseq' }],
    [
      'Megatron',
      dict({ args: 1, model: weights(), checkpoint_version: new PyFloat(3.5), iteration: 7 }),
      { name: 'Megatron', version: '3.5' },
    ],
    [
      'MMEngine',
      dict({ meta: dict({ mmengine_version: '0.10.4' }), state_dict: weights() }),
      { name: 'MMEngine', version: '0.10.4' },
    ],
    [
      'DeepSpeed',
      dict({ module: weights(), ds_version: '0.14.0' }),
      { name: 'DeepSpeed', version: '0.14.0' },
    ],
    ['Whisper', dict({ dims: dict({}), model_state_dict: weights() }), { name: 'OpenAI Whisper' }],
    ['Detectron2', dict({ model: dict({ w: tensor() }), __author__: 'third_party' }), { name: 'Detectron2' }],
    [
      'transformers',
      dict({ args: call('transformers.training_args.TrainingArguments') }),
      { name: 'transformers' },
    ],
  ])('%s', (_name, root, producer) => {
    expect(producerOf(checkpointOf(root))).toEqual(producer);
  });

  it.each([
    ['lightning', { name: 'PyTorch Lightning', version: '2.6.6', torch: '2.7 or newer' }],
    ['bert', { name: 'Hugging Face libraries' }],
    ['distributed', { name: 'torch.distributed.checkpoint' }],
    ['deepspeed', { name: 'DeepSpeed', version: '0.14.0', torch: '2.7 or newer' }],
    ['scripted.pt', { torch: '2.1 or newer' }],
    ['dtypes.safetensors', { name: 'Hugging Face libraries' }],
    ['float4.safetensors', undefined],
  ])('%s, as the library itself wrote it', async (file, producer) => {
    const checkpoint = await openCheckpoint(`fixtures/containers/${file}`);
    expect(producerOf(checkpoint)).toEqual(producer);
    await checkpoint.close();
  });
});
