"""The content's features, computed once for each scale: in memory, or in files for tiles."""

import errno
import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import PaintingFailedError
from engine.networks.encoder import Encoder, features_of
from engine.painting.losses import in_basis
from engine.painting.tiles import Region, Tiling
from engine.scratch import scratch_folder

_PIECE_BYTES = 1 << 20
_NOT_HERE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


class ContentTargets:
    """Features [1, C, h, w] of the content by layer, and their mean square for normalizing.

    Those of a tiled picture are in temporary files, which `close` deletes. A file is mapped into
    memory only while a part of it is in use, so no more than that part is resident.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._layers: dict[str, Tensor] = {}
        self._files: dict[str, _LayerFile] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.mean_square: dict[str, float] = {}

    def part(self, layer: str, region: Region) -> Tensor:
        """The features in a region of the layer."""
        whole = self._files[layer].mapped() if layer in self._files else self._layers[layer]
        return region.of(whole).to(self._device)

    def count(self, layer: str) -> int:
        """Number of values of the layer: channels times positions."""
        return self._files[layer].count if layer in self._files else self._layers[layer].numel()

    def close(self) -> None:
        """Free the memory, or the file."""
        self._layers.clear()
        self._files.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @classmethod
    def of_whole(
        cls, encoder: Encoder, content: Tensor, layers: Collection[str]
    ) -> "ContentTargets":
        """From all of a picture [1, 3, H, W] at once."""
        made = cls(encoder.device)
        if layers:
            with torch.no_grad():
                found = features_of(encoder, content, layers)
                made._layers = {
                    name: in_basis(one, encoder.basis(name)) for name, one in found.items()
                }
        for name, features in made._layers.items():
            made.mean_square[name] = float(_square_sum(features)) / features.numel()
        return made

    @classmethod
    def of_tiles(
        cls,
        encoder: Encoder,
        content: Tensor,
        layers: Collection[str],
        tiling: Tiling,
        check: Callable[[], None],
    ) -> "ContentTargets":
        """Tile by tile, into files.

        Raises:
            PaintingFailedError: there is no room for the files.
        """
        made = cls(encoder.device)
        if not layers:
            return made
        try:
            made._fill(encoder, content, layers, tiling, check)
        except OSError as error:
            made.close()
            raise PaintingFailedError(
                "There is no room in {folder} for the features of a picture of this size "
                "({reason}); free some, or name another folder in TMPDIR.",
                folder=tempfile.gettempdir(),
                reason=error.strerror or type(error).__name__,
            ) from error
        except BaseException:
            made.close()
            raise
        return made

    def _fill(
        self,
        encoder: Encoder,
        content: Tensor,
        layers: Collection[str],
        tiling: Tiling,
        check: Callable[[], None],
    ) -> None:
        self._folder = scratch_folder()
        folder = Path(self._folder.name)
        sums = dict.fromkeys(layers, 0.0)
        for core in tiling.cores():
            check()
            window = tiling.window(core)
            with torch.no_grad():
                features = features_of(encoder, window.of(content), layers)
            for name in layers:
                stride = encoder.stride_px(name)
                own = core.inside(window).at_stride(stride).of(features[name])
                own = in_basis(own, encoder.basis(name))
                if name not in self._files:
                    size = (tiling.size[0] // stride, tiling.size[1] // stride)
                    file = _LayerFile(folder / f"{name}.features", own.shape[1], size, own.dtype)
                    file.allocate()
                    self._files[name] = file
                core.at_stride(stride).of(self._files[name].mapped()).copy_(own)
                sums[name] += float(_square_sum(own))
        for name, total in sums.items():
            self.mean_square[name] = total / self.count(name)


@dataclass(frozen=True)
class _LayerFile:
    """A layer's features in a file, channels last, so that a tile is a few contiguous runs."""

    path: Path
    channels: int
    size: tuple[int, int]
    dtype: torch.dtype

    @property
    def count(self) -> int:
        return self.size[0] * self.size[1] * self.channels

    def allocate(self) -> None:
        """Create the file with its disk space: running out while mapped would be a fatal SIGBUS.

        Raises:
            OSError: there is not enough room.
        """
        size = self.count * self.dtype.itemsize
        with self.path.open("wb", buffering=0) as file:
            if hasattr(os, "posix_fallocate"):
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                except OSError as error:
                    if error.errno not in _NOT_HERE:  # some file systems cannot do it
                        raise
                else:
                    return
            zeros = bytes(_PIECE_BYTES)
            for start in range(0, size, _PIECE_BYTES):
                file.write(zeros[: size - start])

    def mapped(self) -> Tensor:
        flat = torch.from_file(str(self.path), shared=True, size=self.count, dtype=self.dtype)
        return flat.view(1, *self.size, self.channels).permute(0, 3, 1, 2)


def _square_sum(features: Tensor) -> Tensor:
    acc_dtype = torch.float64 if features.device.type != "mps" else torch.float32
    return (
        features.float().square().sum(dtype=acc_dtype)
        if features.dtype is not torch.float64
        else features.square().sum()
    )
