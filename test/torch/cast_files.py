"""A state_dict of numbers of one dtype, for `fix --dtype`: all patterns of a small dtype, random ones of a wide one."""
import os
import zipfile

import torch

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def make(file, dtype, sizes, form):
    """`form` is zip, legacy, or big: a zip whose numbers are big-endian."""
    torch.manual_seed(1)
    dtype = getattr(torch, dtype)
    width = dtype.itemsize
    state_dict = {}
    for index, size in enumerate(sizes):
        raw = torch.randint(0, 256, (size * width,), dtype=torch.uint8)
        # ordinary numbers too: of random wide ones most overflow
        numbers = raw.view(dtype) if index % 2 or width == 1 else torch.randn(size, dtype=torch.float64).to(dtype)
        state_dict[f"numbers.{index}"] = numbers
        # an odd count of bytes between: in a legacy file what comes after is aligned to nothing
        state_dict[f"odd.{index}"] = torch.arange(1 + 2 * index, dtype=torch.uint8)
    state_dict["view"] = state_dict["numbers.0"][1:]
    if form != "big":
        torch.save(state_dict, file, _use_new_zipfile_serialization=form == "zip")
        return {}
    plain = f"{file}.plain"
    torch.save(state_dict, plain)
    reader = torch._C.PyTorchFileReader(plain)
    # torch.save numbers the storages in the order in which it meets them
    storages = [tensor for name, tensor in state_dict.items() if name != "view"]
    with zipfile.ZipFile(file, "w") as archive:
        for name in reader.get_all_records():
            content = reader.get_record(name)
            if name == "byteorder":
                content = b"big"
            elif name.startswith("data/"):
                content = swapped(content, storages[int(name[5:])].itemsize)
            archive.writestr(f"archive/{name}", content)
    os.remove(plain)
    return {}


def swapped(content, width):
    if width == 1:
        return content
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, width).flip(1).contiguous().numpy().tobytes()


def judge(before, after, dtype):
    """How many numbers became infinite, where all are those that torch casts to."""
    dtype = getattr(torch, dtype)
    if list(before) != list(after) and sorted(before) != sorted(after):
        return {"faults": [f"tensors {list(after)}, expected {list(before)}"]}
    faults, overflow = [], 0
    for name, old in before.items():
        new, expected = after[name], old.to(dtype) if old.is_floating_point() else old
        if (new.dtype, new.shape) != (expected.dtype, expected.shape):
            faults.append(f"{name} is {new.dtype} {tuple(new.shape)}, expected {expected.dtype} {tuple(expected.shape)}")
            continue
        bits = BITS[new.element_size()]
        wrong = (expected.view(bits) != new.view(bits)).nonzero().flatten()
        # torch's scalar code, which takes what its vector code leaves, makes another NaN of a NaN
        wrong = [i for i in wrong.tolist() if not (expected[i].isnan() and new[i].isnan())]
        faults += [f"{name}[{i}]: {old[i].item()!r} is {new[i].item()!r}, expected {expected[i].item()!r}" for i in wrong[:3]]
        if old.is_floating_point() and name != "view":
            overflow += int((torch.isinf(expected.float()) & torch.isfinite(old.double())).sum())
    return {"faults": faults[:8]} if faults else {"overflow": overflow}
