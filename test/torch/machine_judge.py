"""Says what another pickle machine makes of the pickles of files: imports, calls, opcodes, and where it gives up. One JSON line a file.

usage: machine_judge.py MACHINE.py < list of files

The machine is a module with `LIMITS`, `find_pkl(bytes) -> (bytes, offset)` and `run(bytes, offset) -> {globals, calls, error, end, ops}`; it
executes nothing. Files are read whole."""

import base64
import importlib.util
import json
import sys
from pathlib import Path

MOST_STACKED = 16

spec = importlib.util.spec_from_file_location("machine", sys.argv[1])
machine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(machine)
# what it does by then is enough to compare
machine.LIMITS["ops"] = 100_000

for line in sys.stdin:
    content = Path(line.rstrip("\n")).read_bytes()
    buffer, start = machine.find_pkl(content)
    runs = []
    while len(runs) < MOST_STACKED:
        run = machine.run(buffer, start)
        runs.append({"start": start, **{key: run[key] for key in ("globals", "calls", "error", "end", "ops")}})
        if run["error"] is not None or not (buffer[run["end"]:][:1] == b"\x80" and buffer[run["end"] + 1:][:1] in (b"\2", b"\3", b"\4", b"\5")):
            break
        start = run["end"]
    print(json.dumps({"inflated": base64.b64encode(buffer).decode() if buffer is not content else None, "runs": runs}), flush=True)
