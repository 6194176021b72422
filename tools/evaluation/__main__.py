"""`python -m tools.evaluation RESULT --content C --style S`: prints the verdict as JSON."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from PIL import UnidentifiedImageError

from tools.evaluation.judge import Judge, JudgeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge one or many results; 0, or 2 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tools.evaluation", description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT", help="paintings")
    parser.add_argument("--content", type=Path, required=True, help="the photograph")
    parser.add_argument("--style", type=Path, required=True, help="the style's picture")
    parser.add_argument("--style-scale", type=float, default=1.0)
    parser.add_argument("--weights", type=Path, help="a file; default: the original VGG-19's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--max-side", type=int, default=1024, help="larger results are reduced")
    parser.add_argument("--threads", type=int, help="of the CPU; default: all")
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    try:
        judge = Judge.load(chosen.weights, device=chosen.device, longest_px=chosen.max_side)
        for result in chosen.results:
            verdict = judge.judge(
                result, chosen.content, chosen.style, style_scale=chosen.style_scale
            )
            print(json.dumps({"result": result.name, **asdict(verdict)}, indent=2))
    except (JudgeError, FileNotFoundError, UnidentifiedImageError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
