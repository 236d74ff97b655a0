"""Writes pairs of checkpoints into a folder, and prints how far apart torch finds their tensors, as JSON."""

import json
import sys

import torch

folder = sys.argv[1]
torch.manual_seed(7)
size = 3_000_000
base = torch.randn(size, dtype=torch.float64)
noise = torch.randn(size, dtype=torch.float64) * 1e-3
pairs = {}
for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2):
    pairs[str(dtype)] = (base.to(dtype), (base + noise).to(dtype))
pairs['across'] = (base.to(torch.float32), base.to(torch.float16))
# sums of squares of numbers so far apart lose what is small, unless they are added well
pairs['wide'] = (base * 10.0 ** torch.randint(-12, 12, (size,)), base)
pairs['turned'] = (base[: 1000 * 1000].view(1000, 1000).t(), (base + noise)[: 1000 * 1000].view(1000, 1000))
pairs['integers'] = (torch.randint(-1000, 1000, (size,)), torch.randint(-1000, 1000, (size,)))
pairs['bool'] = (base > 0, noise > 0)

torch.save({name: a for name, (a, _) in pairs.items()}, f'{folder}/a.pth')
torch.save({name: b for name, (_, b) in pairs.items()}, f'{folder}/b.pth')


def difference(a, b):
    a, b = a.to(torch.float64).flatten(), b.to(torch.float64).flatten()
    apart = (a - b).abs()
    return {
        'differing': int((apart > 0).sum()),
        'maxAbs': apart.max().item(),
        'meanAbs': apart.mean().item(),
        'cosine': (torch.dot(a, b) / (a.norm() * b.norm())).item(),
    }


print(json.dumps({name: difference(a, b) for name, (a, b) in pairs.items()}))
