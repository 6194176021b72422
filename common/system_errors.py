"""System errors as translatable sentences."""

import errno
import socket
import ssl

from common.sentences import Sentence, sentence


def system_reason(error: BaseException) -> str | Sentence:  # noqa: PLR0911 - a table of words
    """The reason of an error, to stand after a colon; rare ones in the system's own words."""
    match error:
        case TimeoutError():
            return sentence("the server was silent for too long")
        case socket.gaierror():
            return sentence("the server cannot be found")
        case ssl.SSLError():
            return sentence("there is no secure connection to the server")
        case ConnectionRefusedError():
            return sentence("the server refuses the connection")
        case ConnectionResetError() | ConnectionAbortedError():
            return sentence("the connection broke off")
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return sentence("the server cannot be reached")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return sentence("there is no space left on the disk")
        case PermissionError() | OSError(errno=errno.EROFS):
            return sentence("I have no permission for that")
        case OSError(strerror=str(words)):
            return words
        case _:
            return str(error) or type(error).__name__
