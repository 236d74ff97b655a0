"""Judges what `fix` made of checkpoints that nobody may unpickle. A server: one JSON request a line on stdin, one JSON answer a line on stdout.

{"do": "original", "file"}   -> {"how": "loads" | "inert"}, how the tensors of the original were read; later requests speak of this file
{"do": "judge", "files", "index", "flags", "operations", "clean"}
                             -> {"tensors": n, "loads": bool}, with "faults" where the output is not what torch makes of the original;
                                `clean` says that weights_only has to take it
{"do": "listing", "file"}    -> {"tensors": [[path, dtype, shape, digest]]}, for a second torch

Where weights_only takes a file, that is what it holds. Of the others an inert reader gives the tensors: torch's own loader, whose
unpickler knows the functions that weights_only allows and makes a lifeless object of every other name.
"""
import hashlib
import io
import json
import os
import pickle
import re
import sys
import tempfile
import traceback
import types
import warnings
import zipfile
from collections import OrderedDict

warnings.simplefilter("ignore")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torch"))
import torch
from torch import _weights_only_unpickler
from torch import serialization as loader

WRAPPERS = ["module.", "_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_forward_module."]
BUILDERS = "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor"
TENSOR = re.compile(r"(Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)?Tensor")
MOST_FAULTS = 6


class Stub:
    """What stands for an object of a class that is not known here: it keeps what the stream gives it."""

    dump_patches = False

    def __new__(cls, *args, **kwargs):
        made = object.__new__(cls)
        made.args, made.state, made.items, made.pairs = (*args, *kwargs.values()), None, [], {}
        return made

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        self.pairs[key] = value

    def __call__(self, *args, **kwargs):
        return Stub(self, *args, **kwargs)

    def append(self, value):
        self.items.append(value)

    def extend(self, values):
        self.items.extend(values)

    def add(self, value):
        self.items.append(value)


class InertUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if f"{module}.{name}" == "torch.storage._load_from_bytes":
            return lambda content: inert(io.BytesIO(content))
        if module in ("torch._tensor", "torch.tensor") and name.startswith("_rebuild_from_type"):
            return lambda function, _type, args, _state: function(*args)
        if module in ("torch", "torch.cuda") and TENSOR.fullmatch(name):
            return getattr(torch, name)
        allowed = ALLOWED.get(f"{module}.{name}".replace("__builtin__.", "builtins."))
        return type(name, (Stub,), {"__module__": module}) if allowed is None else allowed


def allowed_globals():
    known = dict(_weights_only_unpickler._get_allowed_globals())
    known.update((f"torch._utils.{name}", getattr(torch._utils, name)) for name in BUILDERS.split() if hasattr(torch._utils, name))
    known.update((f"torch.{name}", value) for name, value in vars(torch).items() if isinstance(value, (torch.dtype, torch.qscheme)))
    known.update({"builtins.complex": complex, "builtins.set": set, "builtins.bytearray": bytearray, "collections.OrderedDict": OrderedDict})
    return known


ALLOWED = allowed_globals()
INERT = types.SimpleNamespace(
    __name__="inert", Unpickler=InertUnpickler, load=lambda file, **options: InertUnpickler(file, **options).load(), loads=None, UnpicklingError=pickle.UnpicklingError
)


def inert(file):
    head = open(file, "rb").read(2) if isinstance(file, str) else b""
    if head == b"PK":
        reader = torch._C.PyTorchFileReader(file)
        if reader.has_record("constants.pkl"):
            return script(reader)
        return loader._load(reader, "cpu", INERT, encoding="utf-8")
    with open(file, "rb") if isinstance(file, str) else file as stream:
        try:
            return loader._legacy_load(stream, "cpu", INERT, encoding="utf-8")
        except RuntimeError as error:
            if "magic number" not in str(error):
                raise
        stream.seek(0)
        return InertUnpickler(stream, encoding="utf-8").load()


class Canary:
    def __reduce__(self):
        return sys.exit, ("a name of the file was called: this reader is not inert",)


def prove_inertness():
    """For all forms of file; torch.load of 1.13 forgets the pickle_module that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        for index, legacy in enumerate([True, False]):
            file = os.path.join(folder, str(index))
            torch.save([Canary()], file, _use_new_zipfile_serialization=not legacy)
            assert isinstance(inert(file)[0], Stub)
        with open(file, "wb") as stream:
            pickle.dump([Canary()], stream)
        assert isinstance(inert(file)[0], Stub)


def script(reader):
    """The attributes of a TorchScript module, which torch.load hands to a loader that runs code."""
    kept = {}

    class Reader(InertUnpickler):
        def persistent_load(self, key):
            # early ones have a sixth part, which is None
            _, kind, name, _, numel = key[:5]
            if name not in kept:
                dtype = kind.dtype
                storage = reader.get_storage_from_record(f"data/{name}", numel, dtype)
                kept[name] = torch.storage.TypedStorage(wrap_storage=storage._typed_storage()._untyped_storage, dtype=dtype, _internal=True)
            return kept[name]

        def find_class(self, module, name):
            return torch.serialization.StorageType(name) if "Storage" in name and module == "torch" else super().find_class(module, name)

    return Reader(io.BytesIO(reader.get_record("data.pkl")), encoding="utf-8").load()


def children(value):
    if isinstance(value, dict):
        # the text of a tensor, which may be a key, is that of its numbers
        return [(f"<key {index}>" if isinstance(key, torch.Tensor) else str(key), item) for index, (key, item) in enumerate(value.items())]
    if isinstance(value, (list, tuple)):
        return [(str(index), item) for index, item in enumerate(value)]
    if not isinstance(value, Stub):
        return []
    state = value.state
    parts = [state] if not (isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict)) else state
    found = [pair for part in parts for pair in (children(part) if isinstance(part, (dict, tuple, list)) else [])]
    return [*children(value.args), *children(value.pairs), *children(value.items), *found]


def tensors_of(root):
    """Tensors by path, at every place where they stand."""
    found, stack = OrderedDict(), [((), root, ())]
    while stack:
        path, value, above = stack.pop()
        if isinstance(value, torch.Tensor):
            found[path] = value
        elif id(value) not in above:
            stack.extend(reversed([((*path, key), item, (*above, id(value))) for key, item in children(value)]))
    return found


def objects_of(root):
    """Every container with its path."""
    stack, seen = [((), root)], set()
    while stack:
        path, value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (dict, list, tuple, Stub)):
            yield path, value
            stack.extend(reversed([((*path, key), item) for key, item in children(value)]))


def shown(tensor):
    """What two tensors have to have in common: dtype, shape, bytes of the elements."""
    tensor = tensor.detach()
    if tensor.layout is not torch.strided:
        return str(tensor.dtype), tuple(tensor.shape), repr(tensor.to_dense().tolist())
    if tensor.is_quantized:
        return str(tensor.dtype), tuple(tensor.shape), digest(tensor.int_repr())
    return str(tensor.dtype), tuple(tensor.shape), digest(tensor.resolve_conj().resolve_neg() if hasattr(tensor, "resolve_conj") else tensor)


def digest(tensor):
    if tensor.is_meta or not tensor.numel():
        return "none"
    plain = tensor.contiguous()
    elements = plain.as_strided((plain.numel(),), (1,)).view(torch.uint8) if plain.dtype is not torch.bool else plain.as_strided((plain.numel(),), (1,)).to(torch.uint8)
    return hashlib.sha256(elements.numpy().tobytes()).hexdigest()


def module_state(module):
    """As Module.state_dict() gathers it, from the attributes of a module that was never made."""
    found = OrderedDict()

    def gather(attributes, prefix):
        spared = attributes.get("_non_persistent_buffers_set") or ()
        for group in ("_parameters", "_buffers"):
            for name, tensor in entries(attributes.get(group)):
                if isinstance(tensor, torch.Tensor) and not (group == "_buffers" and name in spared):
                    found[f"{prefix}{name}"] = tensor
        for name, child in entries(attributes.get("_modules")):
            if is_module(child):
                gather(attributes_of(child), f"{prefix}{name}.")

    gather(attributes_of(module), "")
    return found


def script_state(module):
    """The tensors that are attributes of a TorchScript module and of those within it; what stands in its lists and dicts is no weight."""
    found = OrderedDict()

    def gather(stub, prefix):
        for name, value in attributes_of(stub).items():
            if isinstance(value, torch.Tensor):
                found[(f"{prefix}{name}",)] = value
            elif isinstance(value, Stub):
                gather(value, f"{prefix}{name}.")
                if not isinstance(value.state, dict):
                    # what packs the weights of a quantized layer gives them as a tuple
                    found.update(((f"{prefix}{name}", *path), tensor) for path, tensor in tensors_of(value.state).items())

    gather(module, "")
    return found


def declared(file):
    """Names of parameters and buffers in the code of a TorchScript archive: what else is a tensor there is no weight."""
    with zipfile.ZipFile(file) as archive:
        code = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".py") and "/code/" in name)
    return set(re.findall(r'"(\w+)"', "".join(re.findall(r"__(?:parameters|buffers)__ = \[[^]]*\]", code))))


def attributes_of(stub):
    return stub.state if isinstance(stub.state, dict) else {}


def entries(group):
    return list(group.items()) if isinstance(group, dict) else []


def is_module(value):
    return isinstance(value, Stub) and "_modules" in attributes_of(value)


class Original:
    def __init__(self, file):
        self.file = file
        try:
            torch.load(file, map_location="cpu", weights_only=True)
            self.how = "loads"
        except Exception:
            self.how = "inert"

    def root(self):
        """Anew each time: it is changed into what is expected."""
        return torch.load(self.file, map_location="cpu", weights_only=True) if self.how == "loads" else inert(self.file)


def judge(original, files, index, flags, operations, clean):
    from judge import Comparison, rename

    found, loads = load_output(files, index, clean, "--map-location" in flags or "--auto" in flags)
    names = [operation.split(" ")[0] for operation in operations]
    root = original.root()
    if not {"weights", "extract"} & set(names) and original.how == "loads" and not index and not files[0].endswith(".safetensors"):
        if not {"dtype", "keep", "drop", "rename", "add-prefix", "safe"} & set(names):
            expected = root
            for operation in operations:
                if operation.startswith("strip-"):
                    rename(expected, {"remove": WRAPPERS} if operation == "strip-wrappers" else {"strip": [stripped(operation)]})
            comparison = Comparison(not {"compact", "untie"} & set(names))
            comparison.run(expected, found)
            return comparison.faults, comparison.tensors, loads
    expected = expectations(root, operations)
    have = tensors_of(found)
    nearest = None
    for each in expected:
        faults = differences(finish(each, operations, flags), have, root if original.how == "inert" and "safe" in names else None)
        if not faults:
            return [], len(have), loads
        if is_script(root) and all(fault.endswith(" is missing") and fault.split(" ")[0].split(".")[-1] not in declared(original.file) for fault in faults):
            return [], len(have), loads
        nearest = min(nearest or faults, faults, key=len)
    return nearest or ["nothing in the original is like this"], len(have), loads


def load_output(files, index, restricted, mapped):
    if index:
        with open(index, encoding="utf-8") as file:
            listing = json.load(file)
        found = OrderedDict()
        folder = os.path.dirname(index)
        sizes, aliases = {}, set()
        for file in files:
            part = load_one(file, restricted, mapped)[0]
            for key, tensor in part.items():
                found[key] = tensor
                if file.endswith(".safetensors") and key not in listing["weight_map"]:
                    # what is the same as another is in no index, as transformers has it
                    aliases.add(key)
                    continue
                if listing["weight_map"].get(key) != os.path.basename(file) or os.path.join(folder, listing["weight_map"][key]) != file:
                    raise ValueError(f"the index places {key} in {listing['weight_map'].get(key)}")
                # what shares a storage stands in it once
                storage = tensor.untyped_storage()
                sizes[(file, storage.data_ptr() or key)] = storage.nbytes()
        if set(found) - aliases != set(listing["weight_map"]):
            raise ValueError("the index names other tensors")
        if listing["metadata"]["total_size"] != sum(sizes.values()):
            raise ValueError(f"the index says {listing['metadata']['total_size']} bytes, there are {sum(sizes.values())}")
        return found, True
    return load_one(files[0], restricted, mapped)


def load_one(file, restricted, mapped):
    if file.endswith(".safetensors"):
        from safetensors import safe_open
        from safetensors.torch import load_file

        found = load_file(file)
        with safe_open(file, "pt") as opened:
            words = opened.metadata() or {}
        found.update({key: found[same] for key, same in words.items() if same in found and key not in found})
        return found, True
    place = {} if mapped else {"map_location": "cpu"}
    if restricted:
        return torch.load(file, weights_only=True, **place), True
    try:
        return torch.load(file, weights_only=True, **place), True
    except Exception:
        return inert(file), False


def expectations(root, operations):
    """The places of the original that the output may be taken from, each as tensors by path."""
    names = [operation.split(" ")[0] for operation in operations]
    whole = tensors_of(root)
    if is_script(root):
        yield script_state(root)
    if "weights" in names:
        for path, value in objects_of(root):
            if is_module(value):
                yield OrderedDict(((key,), tensor) for key, tensor in module_state(value).items())
        for path, value in objects_of(root):
            held = OrderedDict((each[len(path) :], tensor) for each, tensor in whole.items() if each[: len(path)] == path)
            yield held
            if isinstance(value, (list, tuple)):
                yield OrderedDict(((".".join(each),), tensor) for each, tensor in held.items())
        modules = [(path, value) for path, value in objects_of(root) if is_module(value)]
        tops = [(path, value) for path, value in modules if not any(path[: len(other)] == other and path != other for other, _ in modules)]
        yield OrderedDict(((".".join((*path, key)),), tensor) for path, value in tops for key, tensor in module_state(value).items())
        return
    extract = next((operation.split(" ", 1)[1] for operation in operations if operation.startswith("extract ")), None)
    if extract is not None:
        for path, value in objects_of(root):
            if ".".join(path) == extract:
                yield OrderedDict((each[len(path) :], tensor) for each, tensor in whole.items() if each[: len(path)] == path)
        return
    yield whole


def finish(expected, operations, flags):
    for operation in operations:
        name, _, word = operation.partition(" ")
        if name == "strip-wrappers":
            expected = renamed(expected, unwrapped)
        elif name in ("strip-prefix", "strip-module"):
            prefix = stripped(operation)
            expected = renamed(expected, lambda key: key[len(prefix) :] if key.startswith(prefix) else key)
        elif name == "add-prefix":
            expected = renamed(expected, lambda key: word + key)
        elif name in ("keep", "drop"):
            globs = [flags[at + 1] for at, flag in enumerate(flags) if flag == f"--{name}"]
            # all of them have the form **.name
            hit = lambda path: any(".".join(path).split(".")[-1] == glob[3:] for glob in globs)
            expected = OrderedDict((path, tensor) for path, tensor in expected.items() if hit(path) == (name == "keep"))
        elif name == "dtype":
            cast = lambda tensor: tensor.to(getattr(torch, word)) if tensor.is_floating_point() and not tensor.is_quantized else tensor
            expected = OrderedDict((path, cast(tensor)) for path, tensor in expected.items())
    return expected


def unwrapped(key):
    """Within a name `module.` may be the name of a real child, unless another wrapper stands before it."""
    every, certain = ("|".join(map(re.escape, names)) for names in (WRAPPERS, WRAPPERS[1:]))
    return re.sub(rf"(^|\.)(?:{certain})(?:{every})*", r"\1", re.sub(f"^(?:{every})+", "", key))


def stripped(operation):
    name, _, word = operation.partition(" ")
    return "module." if name == "strip-module" else word


def renamed(expected, new_key):
    return OrderedDict(((*path[:-1], new_key(path[-1])), tensor) for path, tensor in expected.items())


def differences(expected, have, with_arrays):
    arrays = [path for path, value in objects_of(with_arrays) if is_array(value)] if with_arrays is not None else []
    extra = [path for path in have if path not in expected and not any(path[: len(each)] == each for each in arrays)]
    faults = [f"{'.'.join(path)} is not in the original" for path in extra]
    for path, tensor in expected.items():
        if path not in have:
            faults.append(f"{'.'.join(path)} is missing")
        elif shown(tensor) != shown(have[path]):
            faults.append(f"{'.'.join(path)} is {shown(have[path])}, expected {shown(tensor)}")
    return faults


def is_script(value):
    return isinstance(value, Stub) and type(value).__module__.startswith("__torch__")


def is_array(value):
    return isinstance(value, Stub) and type(value).__module__.startswith("numpy")


class Server:
    original = None

    def answer(self, do, **request):
        if do == "original":
            self.original = Original(request["file"])
            try:
                self.original.root()
            except Exception as error:
                return {"how": "unread", "why": f"{type(error).__name__}: {error}"[:200]}
            return {"how": self.original.how}
        if do == "listing":
            found = tensors_of(inert(request["file"]))
            return {"tensors": [[".".join(path), *map(str, shown(tensor))] for path, tensor in found.items()]}
        faults, tensors, loads = judge(self.original, **request)
        return {"tensors": tensors, "loads": loads, **({"faults": faults[:MOST_FAULTS]} if faults else {})}


def main():
    prove_inertness()
    server = Server()
    for line in sys.stdin:
        try:
            reply = server.answer(**json.loads(line))
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            reply = {"faults": [re.sub(r"\s+", " ", f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})")[:500]]}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
