"""Judges healed checkpoints with a real torch. A server: one JSON request a line on stdin, one JSON answer a line on stdout.

{"do": "hello"}                          -> {"torch": "2.13.0", "numpy": true}
{"do": "load", "file", "trust"?}         -> {} when torch.load(file, map_location='cpu') takes it
{"do": "compare", "before", "after",     -> {"tensors": n} when both hold the same
 "change"?: {"strip": prefixes} | {"add": prefix} | {"remove": parts}, "trust"?, "restricted"?, "laid"?, "mappable"?, "safe"?}
{"do": "pickle", "file"}                 -> {"bytes", "meaning"}, digests of data.pkl as torch's own archive reader gives it
{"do": "places", "file", "trust"?}        -> {"entries": n} when zipfile takes every record, and torch finds each storage by arithmetic where it is
{"do": "cast", "file", "after", "source", "target", "overflow"}
                                         -> {} when the raw numbers in `after` are those of `file` cast by torch, and so many became infinite
{"do": "cast-file", "file", "dtype", "sizes", "form"} -> {} when numbers of a dtype, so many in each tensor, are saved in `file`
{"do": "cast-fixed", "before", "after", "dtype"} -> {"overflow": n} when `after` holds the numbers of `before` as torch casts them
{"do": "converted", "before", "after", "place"?} -> {"tensors": n, "same_bytes"} when the files `after` (safetensors, or torch's) hold the tensors of a dict in `before`
{"do": "salvaged", "before", "after"}    -> {"tensors": n} when torch loads `after`, and each tensor in it is the one at its place in `before`
{"do": "steps", "before", "after", "steps", "trust"?}
                                         -> {"tensors": n} when `after` holds the tensors that torch makes of those of `before` by the steps
{"do": "refused", "file", "protocol"}    -> {} when `file` holds one of each value that weights_only refuses and that has a plain form
{"do": "plain", "file"}                  -> {} when `file` holds those plain forms
{"do": "numbers", "file", "trust"?}      -> {"numbers": {name: text}}, what the tensors of a dict stand for
{"do": "spoil", "file", "after", "how"}  -> {} when `after` is the file with one fault, saved by torch: the judge has to see it

An answer has "faults" when the judgement is against the file. `before` is loaded with map_location='cpu'; with `trust` and where weights_only
refuses it, without weights_only: only for files that this repository made itself. `after` is what a user loads: weights_only=True (unless
`restricted` is false) and no map_location, once read and once mapped where this torch and the form of the file (`mappable`) can. With `laid`
false tensors may stand elsewhere, in other storages: their elements are compared. With `safe` the values of `before` are the plain ones that say
the same.
"""
import ctypes
import hashlib
import json
import logging
import math
import os
import pickletools
import re
import sys
import warnings
import zipfile
from collections import OrderedDict

warnings.simplefilter("ignore")
import cast_files
import plain
import steps as named_steps
import torch

MODERN = int(torch.__version__.split(".")[0]) >= 2
if MODERN:
    # weights_only takes DTensors and jagged tensors only where these are imported
    import torch._dynamo
    import torch.distributed.tensor
    import torch.nested  # noqa: F401

    STORAGES = (torch.UntypedStorage, torch.storage.TypedStorage)
    logging.disable()
else:
    STORAGES = (torch.storage.UntypedStorage, torch.storage.TypedStorage)
MOST_FAULTS = 8


def answer(request):
    work = {
        "hello": hello,
        "load": load_only,
        "compare": compare,
        "pickle": pickle_digests,
        "cast": cast,
        "cast-file": cast_files.make,
        "cast-fixed": cast_fixed,
        "places": places,
        "refused": plain.save,
        "plain": plain_values,
        "numbers": plain.numbers,
        "steps": after_steps,
        "spoil": spoil,
        "converted": converted,
        "salvaged": salvaged,
    }
    return work[request.pop("do")](**request)


def hello():
    try:
        import numpy  # noqa: F401

        numpy_here = True
    except ImportError:
        numpy_here = False
    return {"torch": torch.__version__, "numpy": numpy_here}


def load_only(file, trust=False):
    load_before(file, trust)
    return {}


def pickle_digests(file):
    """`meaning` is the digest of the opcodes with memo references resolved, so that equal strings are equal however often they are written."""
    data = torch._C.PyTorchFileReader(file).get_record("data.pkl")
    steps, memo, objects = [], {}, 0
    for opcode, argument, _ in pickletools.genops(data):
        if "PUT" in opcode.name:
            is_text = steps[-1][0] == "BINUNICODE"
            memo[argument] = steps[-1] if is_text else ("GET", objects)
            objects += not is_text
        else:
            steps.append(memo[argument] if "GET" in opcode.name else (opcode.name, argument))
    digests = [hashlib.sha256(content).hexdigest() for content in (data, repr(steps).encode())]
    return dict(zip(("bytes", "meaning"), digests))


def places(file, trust=False):
    """By map_location='meta', and mapped where torch is told to work out the places of storages, it looks at no header of a record."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        # a checksum of 0 says that none was computed
        for info in archive.infolist():
            if info.CRC:
                archive.read(info)
    if len({name.lower() for name in names}) != len(names):
        return {"faults": ["zipfile: two entries of one name"]}
    reader = torch._C.PyTorchFileReader(file)
    # what is mapped can't be swapped: torch 2.13 dies of it
    if not MODERN or (reader.has_record("byteorder") and reader.get_record("byteorder") == b"big"):
        return {"entries": len(names)}
    expected = load_before(file, trust)
    with torch.utils.serialization.config.patch({"load.calculate_storage_offsets": True}):
        computed = torch.load(file, map_location="cpu", mmap=True, weights_only=not trust)
    comparison = Comparison()
    comparison.run(expected, computed)
    offsets = {reader.get_record_offset(f"data/{key}") for key in (name.split("/")[-1] for name in names if "/data/" in name)}
    try:
        stack, seen = [torch.load(file, map_location="meta", weights_only=not trust)], set()
    except NotImplementedError:
        # quantized and nested tensors have no form there
        stack, seen = [], set()
    while stack:
        value = stack.pop()
        if isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, torch.Tensor) and value.layout is torch.strided and not hasattr(value, "__tensor_flatten__"):
            offset = getattr(value.untyped_storage(), "_checkpoint_offset", None)
            if offset is not None and offset not in offsets:
                comparison.fault(("meta",), f"no record starts at {offset}")
    return {"faults": comparison.faults} if comparison.faults else {"entries": len(names)}


def cast(file, after, source, target, overflow):
    numbers = torch.from_file(file, size=os.path.getsize(file), dtype=torch.uint8).view(getattr(torch, source))
    expected = numbers.to(getattr(torch, target))
    found = torch.from_file(after, size=os.path.getsize(after), dtype=torch.uint8).view(expected.dtype)
    bits = {2: torch.int16, 4: torch.int32}[expected.element_size()]
    # torch's scalar code, which takes what its vector code leaves, makes another NaN of a NaN
    lone = torch.isnan(expected) & torch.isnan(found) if target == "bfloat16" else torch.zeros_like(expected, dtype=torch.bool)
    wrong = ((expected.view(bits) != found.view(bits)) & ~lone).nonzero().flatten()
    infinite = int((torch.isinf(expected.float()) & torch.isfinite(numbers.double())).sum())
    faults = [f"element {i}: {numbers[i].item()!r} is {found[i].item()!r}, expected {expected[i].item()!r}" for i in wrong[:MOST_FAULTS].tolist()]
    if infinite != overflow:
        faults.append(f"{overflow} values were said to overflow, {infinite} do")
    return {"faults": faults} if faults else {}


def cast_fixed(before, after, dtype):
    if after.endswith(".safetensors"):
        from safetensors.torch import load_file

        return cast_files.judge(load_before(before, False), load_file(after), dtype)
    return cast_files.judge(load_before(before, False), load_after(after, True, False), dtype)


def plain_values(file):
    def differs(expected, found):
        comparison = Comparison()
        if isinstance(expected, torch.Tensor):
            return not (isinstance(found, torch.Tensor) and found.dtype == expected.dtype and torch.equal(found, expected))
        comparison.run(expected, found)
        return comparison.faults

    return plain.judge(file, differs)


def after_steps(before, after, steps, trust=False):
    # safetensors has an order of its own
    ordered = not after.endswith(".safetensors")
    return named_steps.judge(load_before(before, trust), load_after(after, True, False), steps, ordered)


def spoil(file, after, how):
    from spoil import FAULTS

    root = load_before(file, trust=False)
    torch.save(FAULTS[how](root), after)
    return {}


def converted(before, after, place=()):
    from converted import judge

    return judge(load_before(before, True), after, place)


def salvaged(before, after):
    from converted import judge_part

    return judge_part(load_before(before, True), load_after(after, True, False))


def load_before(file, trust):
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception:
        if not trust:
            raise
        return torch.load(file, map_location="cpu", weights_only=False)


def load_after(file, restricted, mapped):
    # the weights_only of 1.13 does not even know floats
    return torch.load(file, weights_only=restricted and MODERN, **({"mmap": True} if mapped else {}))


def compare(before, after, change=None, trust=False, restricted=True, laid=True, mappable=True, safe=False):
    expected = load_before(before, trust)
    if safe:
        expected = plain.plainly(expected)
    if change:
        rename(expected, change)
    for mapped in [False, True] if MODERN and mappable else [False]:
        found = load_after(after, restricted, mapped)
        comparison = Comparison(laid)
        comparison.run(expected, found)
        if comparison.faults:
            how = "mapped: " if mapped else ""
            return {"faults": [how + fault for fault in comparison.faults]}
    return {"tensors": comparison.tensors}


# What the change of keys should come to, worked out on the loaded values.


def rename(root, change):
    """The prefix goes from, or comes to, the keys of every dict that holds tensors; what an optimizer keeps has names of its own."""
    seen, stack = set(), [root]
    while stack:
        value = stack.pop()
        if id(value) in seen or not isinstance(value, (dict, list, tuple)):
            continue
        seen.add(id(value))
        if not isinstance(value, dict):
            stack.extend(value)
        elif "param_groups" not in value:
            stack.extend(value.values())
            rename_dict(value, **change)


def rename_dict(mapping, strip=(), add=None, remove=()):
    held = [key for key, value in mapping.items() if isinstance(key, str) and isinstance(value, torch.Tensor)]
    for prefix in strip:
        if any(key.startswith(prefix) for key in mapping if isinstance(key, str)) and held:
            replace_keys(mapping, lambda key: key[len(prefix) :] if key.startswith(prefix) else key)
            strip_metadata(mapping, prefix)
    if held and any(part in key for key in held for part in remove):
        replace_keys(mapping, lambda key: without(key, remove))
        if hasattr(mapping, "_metadata"):
            # of a wrapper and the module in it, the module's entry comes later and stays
            mapping._metadata = OrderedDict((without(f"{key}.", remove).rstrip("."), value) for key, value in mapping._metadata.items())
    if add and held:
        replace_keys(mapping, lambda key: add + key)
        if hasattr(mapping, "_metadata"):
            mapping._metadata = OrderedDict((f"{add}{key}".rstrip("."), value) for key, value in mapping._metadata.items())


def replace_keys(mapping, new_key):
    pairs = [(new_key(key) if isinstance(key, str) else key, value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(pairs)


def strip_metadata(mapping, prefix):
    """As torch's consume_prefix_in_state_dict_if_present does it: the wrapped module's entry becomes that of the root."""
    if not hasattr(mapping, "_metadata"):
        return
    out = OrderedDict()
    for key, value in mapping._metadata.items():
        if key == prefix.rstrip(".") or key.startswith(prefix):
            out[key[len(prefix) :]] = value
        else:
            out.setdefault(key, value)
    mapping._metadata = out


def without(key, parts):
    for part in parts:
        key = re.sub(rf"(^|\.){re.escape(part)}", r"\1", key)
    return key


class Comparison:
    """Walks two loaded values side by side. What is one object, or one storage, on one side has to be one on the other."""

    def __init__(self, laid=True):
        self.laid = laid
        self.faults, self.tensors = [], 0
        self.objects, self.storages = ({}, {}), ({}, {})
        # an object that is told by its id or address has to live as long as the tables
        self.kept = []

    def fault(self, path, words):
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{'.'.join(map(str, path)) or 'root'}: {words}")

    def paired(self, tables, a, b):
        """Whether a and b have met before, as each other's twin; None where one of them has met another."""
        if a in tables[0] or b in tables[1]:
            return True if tables[0].get(a) == b and tables[1].get(b) == a else None
        tables[0][a], tables[1][b] = b, a
        return False

    def run(self, expected, found):
        stack = [((), expected, found)]
        while stack:
            path, a, b = stack.pop()
            if type(a) is not type(b):
                self.fault(path, f"is a {type(b).__name__}, expected a {type(a).__name__}")
            elif isinstance(a, torch.Tensor):
                stack.extend(self.tensor(path, a, b))
            elif isinstance(a, STORAGES):
                self.storage(path, a, b)
            elif isinstance(a, torch.nn.Module):
                stack.extend(self.attributes(path, a, b))
            elif isinstance(a, (dict, list, tuple, set, bytearray)):
                stack.extend(self.container(path, a, b))
            elif not same_atom(a, b):
                self.fault(path, f"is {b!r:.80}, expected {a!r:.80}")

    def container(self, path, a, b):
        if not isinstance(a, tuple):
            met = self.paired(self.objects, id(a), id(b))
            if met is None:
                self.fault(path, "sharing of objects differs")
            if met is not False:
                return []
        if len(a) != len(b):
            self.fault(path, f"has {len(b)} items, expected {len(a)}")
            return []
        if isinstance(a, (set, bytearray)):
            if a != b:
                self.fault(path, "content differs")
            return []
        if not isinstance(a, dict):
            return [((*path, i), x, y) for i, (x, y) in enumerate(zip(a, b))]
        if [*map(repr, a)] != [*map(repr, b)]:
            self.fault(path, f"keys {sorted(set(map(repr, b)) ^ set(map(repr, a)))[:4]} differ or stand in another order")
            return []
        parts = [((*path, key), x, y) for (key, x), y in zip(a.items(), b.values())]
        return parts + self.attributes(path, a, b)

    def attributes(self, path, a, b):
        old, new = getattr(a, "__dict__", {}), getattr(b, "__dict__", {})
        if set(old) != set(new):
            self.fault(path, f"attributes {sorted(new)}, expected {sorted(old)}")
            return []
        pairs = [(name, order_free(old[name]), order_free(new[name])) for name in old]
        self.kept.extend(pairs)
        return [((*path, f"@{name}"), a, b) for name, a, b in pairs]

    def tensor(self, path, a, b):
        self.kept.append((a, b))
        self.tensors += 1
        for name in ("dtype", "shape", "layout", "requires_grad", "is_nested", "is_quantized", "is_sparse", "is_meta", "device"):
            if name == "shape" and a.is_nested:
                continue
            old, new = getattr(a, name), getattr(b, name)
            if old != new:
                self.fault(path, f"{name} is {new}, expected {old}")
                return []
        parts = [part for part in self.attributes(path, a, b) if not part[0][-1].startswith("@_") or "metadata" in part[0][-1]]
        inner = inner_tensors(a)
        if inner is not None:
            others = inner_tensors(b)
            return parts + [((*path, f"<{i}>"), x, y) for i, (x, y) in enumerate(zip(inner, others))]
        if not self.laid:
            if elements(a) != elements(b):
                self.fault(path, "elements differ")
            return parts
        if a.stride() != b.stride():
            self.fault(path, f"stride is {b.stride()}, expected {a.stride()}")
        if a.storage_offset() != b.storage_offset():
            self.fault(path, f"storage offset is {b.storage_offset()}, expected {a.storage_offset()}")
        if MODERN and (a.is_conj(), a.is_neg()) != (b.is_conj(), b.is_neg()):
            self.fault(path, "conjugate or negative bit differs")
        if a.is_quantized:
            self.quantizer(path, a, b)
        if not a.is_meta:
            self.storage(path, untyped(a), untyped(b))
        return parts

    def quantizer(self, path, a, b):
        if a.qscheme() != b.qscheme():
            self.fault(path, f"qscheme is {b.qscheme()}, expected {a.qscheme()}")
        elif a.qscheme() is torch.per_tensor_affine:
            if (a.q_scale(), a.q_zero_point()) != (b.q_scale(), b.q_zero_point()):
                self.fault(path, "scale or zero point differs")
        elif not (
            a.q_per_channel_axis() == b.q_per_channel_axis()
            and torch.equal(a.q_per_channel_scales(), b.q_per_channel_scales())
            and torch.equal(a.q_per_channel_zero_points(), b.q_per_channel_zero_points())
        ):
            self.fault(path, "scales, zero points or axis differ")

    def storage(self, path, a, b):
        """Every byte of the storage, also those that no tensor shows; zero-size storages have no address to tell them by."""
        self.kept.append((a, b))
        if a.nbytes() != b.nbytes():
            self.fault(path, f"storage has {b.nbytes()} bytes, expected {a.nbytes()}")
        elif a.nbytes():
            met = self.paired(self.storages, a.data_ptr(), b.data_ptr())
            if met is None:
                self.fault(path, "sharing of storages differs")
            elif not met and digest(a) != digest(b):
                self.fault(path, "bytes differ")


def inner_tensors(tensor):
    """The strided tensors that a sparse, nested or wrapper tensor is made of; None for a plain one."""
    if hasattr(tensor, "__tensor_flatten__"):
        names, _ = tensor.__tensor_flatten__()
        return [getattr(tensor, name) for name in names]
    if tensor.is_nested:
        return [tensor._nested_tensor_size(), *tensor.unbind()]
    if tensor.layout is torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    return None


def elements(tensor):
    """The bytes of the elements in order, wherever they stand."""
    return digest(untyped(tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)))


def untyped(tensor):
    return tensor.untyped_storage() if MODERN else tensor.storage()._storage


def digest(storage):
    raw = storage.untyped() if hasattr(storage, "untyped") else storage
    return hashlib.sha256(ctypes.string_at(raw.data_ptr(), raw.nbytes())).digest()


def order_free(value):
    """`_metadata` is looked up by key alone: its order is of no matter."""
    return dict(sorted(value.items())) if isinstance(value, OrderedDict) and all(isinstance(key, str) for key in value) else value


def same_atom(a, b):
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if type(a).__module__ == "numpy":
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return repr(a) == repr(b) if type(a).__module__.startswith("torch") else a == b


def main():
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            reply = {"faults": [re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:400]]}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
