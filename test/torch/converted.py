"""Judges files that are not what torch.save writes today: safetensors, by the package itself."""
import json
import os
import struct
import tempfile

import torch


def judge(root, after, place):
    """`after` are the files of one dict of tensors; what is no tensor there is of no matter here."""
    for key in place:
        root = root[key]
    expected = {key: value for key, value in root.items() if isinstance(value, torch.Tensor)}
    found, aliases = {}, {}
    for file in after:
        tensors, words = load(file)
        if repeated := set(found) & set(tensors):
            return {"faults": [f"{sorted(repeated)[:3]} stand in two files"]}
        found.update(tensors)
        aliases.update({key: found[same] for key, same in words.items() if same in tensors and key in expected})
    faults = [f"{key}: both a tensor and an alias" for key in set(aliases) & set(found)]
    found.update(aliases)
    if set(found) != set(expected):
        return {"faults": [f"keys differ: {sorted(set(found) ^ set(expected))[:4]}"]}
    for key, tensor in expected.items():
        if raw(tensor) != raw(found[key]):
            faults.append(f"{key}: {found[key].dtype} {tuple(found[key].shape)} or its bytes, expected {tensor.dtype} {tuple(tensor.shape)}")
    if faults:
        return {"faults": faults[:8]}
    return {"tensors": len(expected), "sameBytes": same_bytes(expected, aliases, after)}


def judge_part(whole, part):
    """Every tensor of `part` stands in `whole` as well, and is the same there."""
    expected, found = places(whole), places(part)
    faults = [f"{path} is not in the original" for path in found if path not in expected]
    faults += [f"{path} differs" for path, tensor in found.items() if path in expected and raw(tensor) != raw(expected[path])]
    return {"faults": faults[:8]} if faults else {"tensors": len(found)}


def places(root):
    found, stack = {}, [("", root)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, torch.Tensor):
            found[path] = value
        elif isinstance(value, (dict, list, tuple)):
            stack.extend((f"{path}.{key}", item) for key, item in (value.items() if isinstance(value, dict) else enumerate(value)))
    return found


def load(file):
    if not file.endswith(".safetensors"):
        return torch.load(file, weights_only=True), {}
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(file, "pt") as opened:
        words = opened.metadata() or {}
    if words.get("format") != "pt":
        raise ValueError("transformers refuses a file that does not say format: pt")
    return load_file(file), words


def raw(tensor):
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    # a dimension of size 1 may have any stride, which keeps torch from viewing bytes
    elements = tensor.as_strided((tensor.numel(),), (1,)).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return tensor.dtype, tuple(tensor.shape), elements


def same_bytes(expected, aliases, after):
    """Whether the library would have written this very file."""
    if len(after) > 1 or not after[0].endswith(".safetensors"):
        return None
    from safetensors.torch import save_file

    with open(after[0], "rb") as file:
        ours = file.read()
    (length,) = struct.unpack("<Q", ours[:8])
    words = json.loads(ours[8 : 8 + length])["__metadata__"]
    # the library writes several words in the order of chance
    if len(words) > 1:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "theirs")
        save_file({key: tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format) for key, tensor in expected.items() if key not in aliases}, path, metadata=words)
        with open(path, "rb") as file:
            return file.read() == ours
