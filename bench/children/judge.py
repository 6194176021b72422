"""Judge pictures by held-out layers, and describe the machine."""

import os
import platform
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import torch

from bench.children.protocol import answer, receive
from tools.evaluation import Judge


def main() -> None:
    """Verdicts of the task's pictures, in its order."""
    task = receive()
    if "pictures" not in task:
        answer({"machine": machine(task.get("device", "cpu"))})
        return
    judge = Judge.load()
    verdicts = [
        asdict(judge.judge(Path(picture), Path(task["content"]), Path(task["style"])))
        for picture in task["pictures"]
    ]
    answer({"verdicts": verdicts})


def machine(device: str) -> dict[str, Any]:
    """Properties of the machine that affect speed, and nothing that identifies its owner."""
    capabilities = torch.cpu.get_capabilities()
    found = {
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "avx512_bf16": bool(capabilities.get("avx512_bf16")),
        "amx_bf16": bool(capabilities.get("amx_bf16")),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    }
    if device != "cpu":
        properties = torch.cuda.get_device_properties(device)
        found["gpu"] = properties.name
        found["gpu_memory_gib"] = round(properties.total_memory / 2**30, 1)
        found["cuda"] = torch.version.cuda
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        text = info.read_text(encoding="utf-8", errors="replace")
        named = re.search(r"model name\s*:\s*(.+)", text)
        generation = re.search(r"cpu family\s*:\s*(\d+)\n.*model\s*:\s*(\d+)", text)
        if named:
            detail = f" (family {generation[1]}, model {generation[2]})" if generation else ""
            return named[1].strip() + detail
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
