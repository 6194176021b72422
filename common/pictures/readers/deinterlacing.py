"""Deinterlaces frames of videos, whose odd and even rows were taken at different moments."""

from collections.abc import Iterator
from typing import Final

import av.error
from av.filter import Graph
from av.video.frame import VideoFrame

_OPTIONS: Final = "mode=send_frame:parity=auto:deint=interlaced"
"""One frame for each frame; those that are not interlaced stay as they are."""
_LEAST_SIDE_PX: Final = 4
"""FFmpeg's filter refuses smaller frames."""


class Deinterlacer:
    """Passes frames through FFmpeg's `bwdif` from the first one on that is interlaced."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def frames_after(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """The frames that are ready once this one is known: the filter looks at the next one."""
        shape = frame.width, frame.height, frame.format.name
        if shape != self._shape:
            yield from self.rest()
        if self._graph is None:
            if not frame.interlaced_frame or min(frame.width, frame.height) < _LEAST_SIDE_PX:
                yield frame
                return
            self._graph, self._shape = _graph_for(frame), shape
        self._graph.vpush(frame)
        yield from self._ready(self._graph)

    def rest(self) -> Iterator[VideoFrame]:
        """The frames that it still holds."""
        graph, self._graph, self._shape = self._graph, None, None
        if graph is not None:
            graph.vpush(None)
            yield from self._ready(graph)

    @staticmethod
    def _ready(graph: Graph) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield frame


def _graph_for(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1  # no threads can be started in the decoding process
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base,
    )
    graph.link_nodes(source, graph.add("bwdif", _OPTIONS), graph.add("buffersink")).configure()
    return graph
