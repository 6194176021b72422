#!/bin/sh
# torch 2.15.0 on a CPU: `torch.set_flush_denormal(True)` sets the calling thread alone, and says True. Threads that
# have computed before, as for the first large operation, go on with denormals: of one product half is flushed and
# half is not with two threads, and so on. Which numbers come out, and how slowly, depends on how many threads
# there are and whether any has worked before the call. Expected, as documented: denormals are disabled on the CPU.
# What helps: call it before anything large is computed (the last line), and in each thread that calls torch.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
cat > "$folder/flush.py" <<'PYTHON'
import sys

import numpy
import torch

denormal = torch.from_numpy(numpy.full(1 << 20, 1e-40, "float32"))


def kept():
    """How much of a product is not flushed, by its bits."""
    product = (denormal * 1.0).numpy()
    return (product.view("int32") != 0).mean()


early = sys.argv[1] == "early"
torch.set_num_threads(4)
if not early:
    kept()
said = torch.set_flush_denormal(True)
for threads in (4, 2, 1):
    torch.set_num_threads(threads)
    print(f"set {sys.argv[1]}, says {said}, {threads} threads: {kept():.0%} kept")
PYTHON
said=$("$folder/venv/bin/python" "$folder/flush.py" late; "$folder/venv/bin/python" "$folder/flush.py" early)
seen="set late, says True, 4 threads: 75% kept
set late, says True, 2 threads: 50% kept
set late, says True, 1 threads: 0% kept
set early, says True, 4 threads: 0% kept
set early, says True, 2 threads: 0% kept
set early, says True, 1 threads: 0% kept"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
