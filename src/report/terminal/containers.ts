/** Kinds of containers in words; those that are words already are left out. */
export const CONTAINERS: Readonly<Record<string, string>> = {
  'torch-zip': 'torch zip archive',
  'torch-legacy': 'torch legacy stream (before 1.6)',
  'torch-tar': 'torch tar (before 0.2)',
  torchscript: 'TorchScript archive',
  'torch-export': 'torch.export archive',
  'torch-package': 'torch.package archive',
  pickle: 'plain pickle',
  'sharded-index': 'index of shards',
  distcp: 'distributed checkpoint',
  'numpy-npz': 'NumPy archive',
};
