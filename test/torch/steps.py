"""What steps of `fix` should come to, worked out by torch on the loaded values: tensors by path, in their order."""
import fnmatch
import re
from collections import OrderedDict

import torch


def tensors_of(root):
    """Paths are those of keys and indexes. What stands at two places is listed at both."""
    found, stack = OrderedDict(), [((), root)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, torch.Tensor):
            found[path] = value
        elif isinstance(value, (dict, list, tuple)):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            stack.extend(reversed([((*path, str(key)), item) for key, item in pairs]))
    return found


def dotted(path):
    return ".".join(path)


def extract(found, path):
    start = tuple(path.split("."))
    return OrderedDict((each[len(start) :], tensor) for each, tensor in found.items() if each[: len(start)] == start)


def strip(found, prefix):
    return rename_last(found, lambda key: key[len(prefix) :] if key.startswith(prefix) else key)


def strip_all(found, *wrappers):
    return rename_last(found, lambda key: re.sub("|".join(map(re.escape, wrappers)), "", key))


def rename_last(found, new_key):
    """Keys of optimizers are names of something else."""
    return OrderedDict(
        (path if "optimizer" in path else (*path[:-1], new_key(path[-1])), tensor) for path, tensor in found.items()
    )


STEPS = {
    "extract": extract,
    "strip": strip,
    "strip-all": strip_all,
    "add": lambda found, prefix: rename_last(found, lambda key: prefix + key),
    "rename": lambda found, pattern, text: rename_last(found, lambda key: re.sub(pattern, text, key)),
    "keep": lambda found, glob: OrderedDict(pair for pair in found.items() if fnmatch.fnmatchcase(dotted(pair[0]), glob)),
    "drop": lambda found, glob: OrderedDict(pair for pair in found.items() if not fnmatch.fnmatchcase(dotted(pair[0]), glob)),
    "cast": lambda found, dtype, glob="*": OrderedDict(
        (path, tensor.to(getattr(torch, dtype)) if tensor.is_floating_point() and fnmatch.fnmatchcase(dotted(path), glob) else tensor)
        for path, tensor in found.items()
    ),
}


def raw(tensor):
    plain = tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    return bytes(plain.reshape(-1).view(torch.uint8).tolist()) if plain.numel() else b""


def judge(before, after, steps, ordered=True):
    """`before` and `after` are loaded roots."""
    expected = tensors_of(before)
    for name, *arguments in steps:
        if name in STEPS:
            expected = STEPS[name](expected, *arguments)
    found = tensors_of(after)
    if list(found) != list(expected) if ordered else set(found) != set(expected):
        return {"faults": [f"tensors {[dotted(path) for path in found][:9]}, expected {[dotted(path) for path in expected][:9]}"]}
    faults = []
    for path, old in expected.items():
        new = found[path]
        if new.dtype != old.dtype or new.shape != old.shape or new.device.type != "cpu":
            faults.append(f"{dotted(path)} is {new.dtype} {tuple(new.shape)} on {new.device}, expected {old.dtype} {tuple(old.shape)}")
        elif raw(new) != raw(old):
            faults.append(f"{dotted(path)}: bytes differ")
    asked = {name for name, *_ in steps}
    storages = [tensor.untyped_storage() for tensor in found.values() if tensor.numel()]
    if "apart" in asked and len({storage.data_ptr() for storage in storages}) != len(storages):
        faults.append("two tensors share their storage")
    if "tight" in asked:
        seen = {storage.data_ptr(): storage.nbytes() for storage in storages}
        shown = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
        if sum(seen.values()) > shown:
            faults.append(f"storages of {sum(seen.values())} bytes for tensors of {shown}")
    return {"faults": faults[:8]} if faults else {"tensors": len(found)}
