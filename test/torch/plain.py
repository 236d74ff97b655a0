"""Values that weights_only refuses, each with the plain value that says the same: what `fix --safe` has to make of them."""
import argparse
import collections
import enum
import pathlib
import types
from collections import OrderedDict

import torch

Point = collections.namedtuple("Point", "x y")


class Mode(enum.Enum):
    FAST = "fast"


class Level(enum.IntEnum):
    HIGH = 3


class Config(dict):
    pass


class Settings(OrderedDict):
    pass


class Attributes(dict):
    """Keeps its items as attributes too, as EasyDict does."""

    def __init__(self, **items):
        super().__init__(items)
        self.__dict__.update(items)


class Names(list):
    pass


SHARED = argparse.Namespace(lr=0.1, layers=[1, 2])


def pairs():
    import numpy

    yield "float64", numpy.float64(0.1), 0.1
    yield "float32", numpy.float32(0.1), float(numpy.float32(0.1))
    yield "float16", numpy.float16(6e-8), float(numpy.float16(6e-8))
    yield "nan", numpy.float16("nan"), float("nan")
    yield "infinite", -numpy.float16("inf"), float("-inf")
    yield "int64", numpy.int64(-(2**62)), -(2**62)
    yield "uint64", numpy.uint64(2**64 - 1), 2**64 - 1
    yield "int8", numpy.int8(-3), -3
    yield "big_endian", numpy.dtype(">i4").type(7), 7
    yield "bool", numpy.bool_(True), True
    yield "complex64", numpy.complex64(1 - 2j), 1 - 2j
    yield "str", numpy.str_("grün"), "grün"
    yield "array", numpy.arange(6, dtype="f4").reshape(2, 3), torch.arange(6.0).reshape(2, 3)
    yield "fortran", numpy.asfortranarray(numpy.arange(6, dtype="i8").reshape(2, 3)), torch.arange(6).reshape(2, 3)
    yield "array0", numpy.array(1.5), torch.tensor(1.5, dtype=torch.float64)
    yield "no_elements", numpy.zeros((0, 3), "f4"), torch.zeros(0, 3)
    yield "uint16", numpy.array([1, 65535], "u2"), torch.tensor([1, 65535], dtype=torch.uint16)
    yield "namespace", argparse.Namespace(lr=numpy.float64(0.1), dirs=[pathlib.Path("/a/b")]), {"lr": 0.1, "dirs": ["/a/b"]}
    yield "simple", types.SimpleNamespace(a=1), {"a": 1}
    yield "empty_namespace", argparse.Namespace(), {}
    yield "shared", [SHARED, SHARED], [{"lr": 0.1, "layers": [1, 2]}] * 2
    yield "defaultdict", collections.defaultdict(list, a=[1]), {"a": [1]}
    yield "deque", collections.deque([1, 2], maxlen=5), [1, 2]
    yield "named_tuple", Point(1, numpy.int64(2)), (1, 2)
    yield "path", pathlib.PurePosixPath("/data/x.pth"), "/data/x.pth"
    yield "relative", pathlib.PurePosixPath("runs/1"), "runs/1"
    yield "windows", pathlib.PureWindowsPath("C:\\x\\y"), "C:\\x\\y"
    yield "unc", pathlib.PureWindowsPath("\\\\host\\share\\x"), "\\\\host\\share\\x"
    yield "here", pathlib.PurePosixPath(), "."
    yield "frozenset", frozenset(["a", 1]), {"a", 1}
    yield "keys", {numpy.int64(1): 1, Mode.FAST: 2, pathlib.PurePosixPath("p"): 3, Point(1, 2): 4}, {1: 1, "fast": 2, "p": 3, (1, 2): 4}
    yield "empty_bytes", [b"", b"x"], [b"", b"x"]
    yield "enum", Mode.FAST, "fast"
    yield "int_enum", Level.HIGH, 3
    yield "dict_subclass", Config(a=1, b=Config(c=Mode.FAST)), {"a": 1, "b": {"c": "fast"}}
    yield "ordered_subclass", Settings(a=1), {"a": 1}
    yield "attributes", Attributes(a=1, b=0.5), {"a": 1, "b": 0.5}
    yield "list_subclass", Names(["a", "b"]), ["a", "b"]
    yield "version", torch.__version__, str(torch.__version__)


def plainly(value, done=None):
    """What `--safe` has to make of a loaded value, worked out by the classes themselves. What is one object stays one."""
    done = {} if done is None else done
    if id(value) in done:
        return done[id(value)][1]
    made = converted(value, lambda part: plainly(part, done), lambda early: done.setdefault(id(value), (value, early)))
    # what is known by its id has to live as long as the table
    return done.setdefault(id(value), (value, made))[1]


def converted(value, plain, put):
    module = type(value).__module__
    if module == "numpy":
        return torch.from_numpy(value) if type(value).__name__ == "ndarray" else value.item()
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        return filled(put({})[1], vars(value), plain)
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, (str, torch.Tensor, torch.Size)):
        return str(value) if type(value) not in (str, torch.Size) and isinstance(value, str) else value
    if isinstance(value, OrderedDict) and type(value) is OrderedDict:
        result = filled(put(OrderedDict())[1], value, plain)
        result.__dict__.update((name, plain(part)) for name, part in vars(value).items())
        return result
    if isinstance(value, dict) and type(value) is not collections.Counter:
        return filled(put({})[1], value, plain)
    if isinstance(value, (list, collections.deque)):
        result = put([])[1]
        result.extend(map(plain, value))
        return result
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return set(map(plain, value)) if isinstance(value, frozenset) else value


def filled(into, items, plain):
    into.update((plain(key), plain(part)) for key, part in items.items())
    return into


def save(file, protocol):
    torch.save({name: value for name, value, _ in pairs()}, file, pickle_protocol=protocol)
    return {}


def judge(file, fault):
    """`fault` tells whether one value is another than expected, type and all."""
    found = torch.load(file, weights_only=True)
    expected = {name: value for name, _, value in pairs()}
    faults = [f"{name}: {found.get(name)!r:.80}, expected {value!r:.80}" for name, value in expected.items() if fault(value, found.get(name))]
    if found["shared"][0] is not found["shared"][1]:
        faults.append("shared: became two")
    return {"faults": faults} if faults else {}


def numbers(file, trust=False):
    """What the tensors of a dict stand for, in an order and a notation that every torch has."""

    def listed(tensor):
        if tensor.layout is not torch.strided:
            tensor = tensor.to_dense()
        if hasattr(tensor, "resolve_conj"):
            tensor = tensor.resolve_conj().resolve_neg()
        return str(tensor.tolist())

    root = torch.load(file, map_location="cpu", weights_only=not trust)
    return {"numbers": {name: listed(value) for name, value in root.items() if isinstance(value, torch.Tensor) and not value.is_meta}}
