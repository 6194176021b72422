"""Write the original VGG-19 to a file that older versions of this project can read."""

import sys
from pathlib import Path

from safetensors.torch import save_file

from engine.networks.original import original_weights

INPUT = "pixels in 0..255 minus mean (123.68, 116.779, 103.939)"


def main() -> None:
    """Write it to the file that is named."""
    weights = original_weights()
    save_file(weights.tensors, Path(sys.argv[1]), metadata={"input": INPUT})


if __name__ == "__main__":
    main()
