#!/bin/sh
# torch 2.15.0 on a CPU, from its wheel for Linux: a Python thread that has computed in parallel slows down the next
# one that does, even if it never computes again. Each has threads of its own in torch's OpenMP library, which counts them all,
# idle ones too; with more of them than cores it hardly spins any more. From then on the threads go to sleep and are
# woken in each operation, instead of never, which takes longer than a small operation itself. One `torch.ones` of a
# quarter of a million numbers in the main thread is enough to slow down a server's worker thread.
# Expected: an operation costs the same in each thread while no other thread computes. torch's page on CPU threading
# warns of threads that compute at the same time; OpenMP's manual says that spins are few while it has more threads
# than cores, which reads like the same.
# What helps: no parallel work in any other thread, or `torch.set_num_threads(1)` where operations are small.
# It needs two cores or more.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
cat > "$folder/sleeps.py" <<'PYTHON'
import os
import resource
import sys
import threading

import torch

CALLS = 2000
torch.set_num_threads(len(os.sched_getaffinity(0)))


def sleeps():
    """Whether this process sleeps in each addition, or in next to none."""
    one, other = torch.ones(1 << 18), torch.ones(1 << 18)
    torch.add(one, other)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
    for _ in range(CALLS):
        torch.add(one, other)
    each = (resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before) / CALLS
    return "in each" if each > 0.5 else "in next to none" if each < 0.1 else f"{each:.2f} in each"


def in_a_thread():
    worker = threading.Thread(target=lambda: print(f"{sys.argv[1]}, a thread sleeps {sleeps()}"))
    worker.start()
    worker.join()


if sys.argv[1] == "main before":
    print(f"{sys.argv[1]}, main sleeps {sleeps()}")
in_a_thread()
PYTHON
unset OMP_WAIT_POLICY GOMP_SPINCOUNT OMP_NUM_THREADS OMP_THREAD_LIMIT 2>/dev/null || true
said=$("$folder/venv/bin/python" "$folder/sleeps.py" "main never"; "$folder/venv/bin/python" "$folder/sleeps.py" "main before")
seen="main never, a thread sleeps in next to none
main before, main sleeps in next to none
main before, a thread sleeps in each"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
