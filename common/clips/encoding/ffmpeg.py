"""Access to FFmpeg, which is large and loaded only when used."""


def ffmpeg_error() -> type[Exception]:
    """The error class of FFmpeg's encoders. Call it only where an error was raised."""
    from av.error import FFmpegError  # noqa: PLC0415

    return FFmpegError
