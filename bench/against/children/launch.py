"""Run a command, and write its resource usage to a file.

It is a separate process because on Linux a child's peak memory starts with that of its parent, and
the benchmark's own is large. Run as a script, without code on the path.
"""

import json
import os
import subprocess
import sys

_KIB = 1024


def main() -> int:
    """Run `sys.argv[2:]`; its exit status."""
    with subprocess.Popen(sys.argv[2:]) as child:
        _, status, usage = os.wait4(child.pid, 0)
        # Tell subprocess, so that it does not wait for a process that is gone.
        child.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in KiB, macOS in bytes.
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else _KIB)
    figures = {"processor_seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": peak_bytes}
    with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123 (few imports, on purpose)
        json.dump(figures, file)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main())
