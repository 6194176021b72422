"""FFmpeg takes 15 MiB, and is loaded where it is used."""


def ffmpeg_error() -> type[Exception]:
    """What its encoders raise; to be asked for where something was raised."""
    from av.error import FFmpegError  # noqa: PLC0415

    return FFmpegError
