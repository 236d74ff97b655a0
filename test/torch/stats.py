"""Writes a checkpoint of random and adversarial numbers of every dtype, and prints what torch finds in it, as JSON.

python stats.py FILE BINS -> {name: {"count", "nan", "positiveInfinity", …}}; a name ends in " real" or " imaginary" for the parts of complex numbers.
"""
import json
import math
import sys
import warnings
from collections import OrderedDict

import torch

warnings.simplefilter("ignore")
torch.manual_seed(7)
FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
SMALL = [torch.float8_e5m2, torch.float8_e4m3fn, torch.float8_e5m2fnuz, torch.float8_e4m3fnuz, torch.float8_e8m0fnu]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
UNSIGNED = [torch.uint16, torch.uint32, torch.uint64]


def short(dtype):
    return str(dtype).removeprefix("torch.")


def patterns(dtype):
    """Every pattern of a small format; random patterns of a wide one, NaN and infinities among them."""
    size = dtype.itemsize
    if size == 1:
        raw = torch.arange(256, dtype=torch.uint8)
    elif size == 2:
        raw = torch.arange(-32768, 32768, dtype=torch.int16)
    else:
        raw = torch.randint(-(2**63), 2**63 - 1, (70_001 * size // 8 + 1,), dtype=torch.int64)
    return raw.view(dtype).clone()


def make():
    model = OrderedDict()
    for dtype in FLOATS:
        name = short(dtype)
        normal = torch.randn(70_003, dtype=torch.float64)
        model[f"{name}.normal"] = (normal * 0.02).to(dtype)
        model[f"{name}.few"] = (normal[:1001] * 3).to(dtype)
        model[f"{name}.tiny"] = (normal[:5000] * 1e-6).to(dtype)
        model[f"{name}.patterns"] = patterns(dtype)
        model[f"{name}.zeros"] = torch.zeros(4097, dtype=dtype)
        model[f"{name}.minus_zero"] = -torch.zeros(33, dtype=dtype)
        model[f"{name}.one"] = torch.tensor(2.5, dtype=dtype)
        model[f"{name}.empty"] = torch.empty(0, 3, dtype=dtype)
        model[f"{name}.nan"] = torch.full((70_000,), math.nan, dtype=dtype)
        mixed = (normal * 100).to(dtype)
        mixed[::7], mixed[3::1001], mixed[5] = math.nan, math.inf, -math.inf
        model[f"{name}.mixed"] = mixed
        # a large mean hides a small spread from any method that subtracts squares
        model[f"{name}.offset"] = (1000 + normal).to(dtype)
        spiked = normal.to(dtype)
        spiked[0] = torch.finfo(dtype).max / 4
        model[f"{name}.spiked"] = spiked
        model[f"{name}.transposed"] = model[f"{name}.normal"][:70_000].view(700, 100).t()
        model[f"{name}.column"] = model[f"{name}.normal"][:70_000].view(700, 100)[:, 7]
        model[f"{name}.steps"] = model[f"{name}.normal"][3:60_000:5]
        model[f"{name}.windows"] = model[f"{name}.few"].unfold(0, 9, 2)
        model[f"{name}.expanded"] = model[f"{name}.few"][:10].unsqueeze(0).expand(5, 10)
        model[f"{name}.block"] = model[f"{name}.normal"][:70_000].view(70, 10, 100)[5:60, 2:7, 10:90]
    model["float64.vast"] = torch.tensor([1e300, -1e300, 1.5e300, 3e299], dtype=torch.float64)
    model["float64.largest"] = torch.tensor([1.7e308, 1.7e308, 1.6e308], dtype=torch.float64)
    model["float64.least"] = torch.tensor([5e-324, 1e-320, 3e-310, 0.0], dtype=torch.float64)
    model["float64.close"] = 1e9 + torch.rand(70_001, dtype=torch.float64)
    edges = [65504, 65519.99, 65520, -65520, 65536, 2**-14, 2**-24, 2**-25, 1.0000001 * 2**-25, 3.3895e38, 3.3961e38, 3.4028e38]
    edges += [2**-133, 2**-134, 1.0000001 * 2**-134, 2**-149, 0.0, 1.0009765625, 1.0078125, 6.1e-5, 1.00048828125]
    model["float32.edges"] = torch.tensor(edges, dtype=torch.float32)
    for index, edge in enumerate(edges):
        model[f"float32.edge{index}"] = torch.full((40,), edge, dtype=torch.float32)
        model[f"float64.edge{index}"] = torch.full((9,), edge, dtype=torch.float64)
    for dtype in SMALL:
        model[f"{short(dtype)}.patterns"] = patterns(dtype)
        model[f"{short(dtype)}.many"] = torch.randint(0, 255, (5001,), dtype=torch.uint8).view(dtype)
        model[f"{short(dtype)}.part"] = model[f"{short(dtype)}.many"][3:4000]
    for dtype in INTEGERS:
        info = torch.iinfo(dtype)
        model[f"{short(dtype)}.random"] = torch.randint(info.min, info.max, (70_001,), dtype=dtype)
        model[f"{short(dtype)}.ends"] = torch.tensor([info.min, info.max, 0, 1], dtype=dtype)
        model[f"{short(dtype)}.columns"] = torch.randint(0, 100, (301, 7), dtype=dtype)[:, 2:4]
    for dtype in UNSIGNED:
        raw = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
        model[f"{short(dtype)}.random"] = torch.randint(torch.iinfo(raw).min, torch.iinfo(raw).max, (5003,), dtype=raw).view(dtype)
    model["bool"] = torch.rand(4999) > 0.3
    for dtype in (torch.complex128, torch.complex64, torch.complex32):
        values = torch.randn(20_001, dtype=torch.complex128).to(dtype)
        model[short(dtype)] = values
        model[f"{short(dtype)}.steps"] = values[1::3]
    model["complex64.conj"] = torch.randn(3001, dtype=torch.complex64).conj()
    model["float32.negative"] = torch._neg_view(torch.randn(3001))
    model["qint8"] = torch.quantize_per_tensor(torch.randn(7001), 0.05, 3, torch.qint8)
    model["quint8"] = torch.quantize_per_tensor(torch.randn(7001), 0.05, 100, torch.quint8)
    model["qint32"] = torch.quantize_per_tensor(torch.randn(7001), 1e-6, 0, torch.qint32)
    return model


def casts(values, double):
    found = {}
    for dtype in (torch.float16, torch.bfloat16):
        after = values.to(dtype)
        kept = ~torch.isfinite(double) | (after.double() == double)
        found[short(dtype)] = {
            "overflow": int((torch.isfinite(double) & torch.isinf(after)).sum()),
            "underflow": int(((double != 0) & (after == 0)).sum()),
            "exact": bool(kept.all()),
        }
    return found


def numbers(values, dtype, bins):
    if values.dtype in SMALL:
        values = values.to(torch.float32)
    if values.dtype in UNSIGNED:
        exact = [int(value) for value in values.tolist()]
        double = torch.tensor([float(value) for value in exact], dtype=torch.float64)
    else:
        exact = None if dtype.is_floating_point else values
        double = values.double()
    finite = double[torch.isfinite(double)]
    found = {
        "count": double.numel(),
        "nan": int(torch.isnan(double).sum()),
        "positiveInfinity": int((double == math.inf).sum()),
        "negativeInfinity": int((double == -math.inf).sum()),
        "zeros": int((double == 0).sum()),
    }
    if dtype.is_floating_point:
        found["subnormals"] = int(((double != 0) & (double.abs() < torch.finfo(dtype).smallest_normal)).sum())
        found["casts"] = casts(values, double)
    if finite.numel() == 0:
        return found
    if exact is None:
        found |= {"min": finite.min().item(), "max": finite.max().item()}
    elif isinstance(exact, list):
        found |= {"min": str(min(exact)), "max": str(max(exact))}
    else:
        found |= {"min": str(int(exact.min())), "max": str(int(exact.max()))}
    # sums of the numbers as they are would overflow, or lose the digits of subnormals
    scale = 2.0 ** (math.frexp(finite.abs().max().item())[1] - 1)
    scaled = finite / scale
    flat = scaled.flatten()
    found |= {
        "mean": flat.mean().item() * scale,
        "size": flat.abs().mean().item() * scale,
        "l2Norm": torch.linalg.vector_norm(flat).item() * scale,
        "exactMean": math.fsum(flat.tolist()) / flat.numel() * scale,
    }
    if flat.numel() > 1:
        found["std"] = flat.std().item() * scale
        center = math.fsum(flat.tolist()) / flat.numel()
        # the center is rounded: the sum of the distances tells by how much
        distances = (flat - center).tolist()
        squares = math.fsum([d * d for d in distances] + [-(math.fsum(distances) ** 2) / len(distances)])
        found["exactStd"] = math.sqrt(max(0.0, squares) / (flat.numel() - 1)) * scale
    if 1e-100 < scale < 1e100:
        found["histogram"] = torch.histc(finite, bins, finite.min().item(), finite.max().item()).tolist()
    return {name: value if not isinstance(value, float) or math.isfinite(value) else None for name, value in found.items()}


def main(file, bins):
    model = make()
    torch.save(model, file)
    found = {}
    for name, tensor in torch.load(file).items():
        if tensor.is_complex():
            part = {torch.complex128: torch.float64, torch.complex64: torch.float32, torch.complex32: torch.float16}[tensor.dtype]
            found[f"{name} real"] = numbers(tensor.real.resolve_neg(), part, bins)
            found[f"{name} imaginary"] = numbers(tensor.imag.resolve_neg(), part, bins)
        elif tensor.is_quantized:
            found[name] = numbers(tensor.int_repr(), torch.int32, bins)
        else:
            found[name] = numbers(tensor.resolve_neg(), tensor.dtype, bins)
    json.dump(found, sys.stdout)


main(sys.argv[1], int(sys.argv[2]))
