"""Says of pickles on standard input, one a line in base64, what Python's own pickletools and unpickler make of them, one JSON line each.

Nothing is imported: every name gives an inert class that notes what is done to it."""

import base64
import io
import json
import math
import pickle
import pickletools
import sys

sys.setrecursionlimit(10_000)


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, float):
        return {"float": value.hex() if math.isfinite(value) else str(value)}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    return {"text": value.encode("utf-8", "surrogatepass").hex()}


def opcodes(stream):
    listed = []
    try:
        for opcode, argument, offset in pickletools.genops(stream):
            # Python 2's strings are bytes, which pickletools shows as Latin-1
            if opcode.name in ("BINSTRING", "SHORT_BINSTRING"):
                argument = argument.encode("latin-1")
            listed.append([offset, opcode.name, plain(argument)])
    except Exception as error:
        return listed, type(error).__name__
    return listed, None


def events(stream):
    seen = []

    class Inert:
        def __new__(cls, *args, **kwargs):
            seen.append(["call", cls.title])
            return object.__new__(cls)

        def __init__(self, *args, **kwargs):
            pass

        def __setstate__(self, state):
            pass

        def __setitem__(self, key, value):
            pass

        def append(self, item):
            pass

        def add(self, item):
            pass

        def extend(self, items):
            pass

    classes = {}

    class Reader(pickle._Unpickler):
        def find_class(self, module, name):
            title = f"{module}.{name}"
            if title not in classes:
                seen.append(["import", title])
                classes[title] = type("Inert", (Inert,), {"title": title})
            return classes[title]

        def persistent_load(self, pid):
            return ("persistent", pid)

    try:
        Reader(io.BytesIO(stream), fix_imports=False, buffers=iter([b""] * 1000)).load()
    except Exception as error:
        return seen, type(error).__name__
    return seen, None


for line in sys.stdin:
    stream = base64.b64decode(line)
    listed, broken = opcodes(stream)
    done, failed = events(stream)
    print(json.dumps({"opcodes": listed, "broken": broken, "events": done, "failed": failed}), flush=True)
