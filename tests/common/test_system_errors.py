"""System errors are explained to members in their language."""

import errno
import os
import socket
import ssl

import pytest

from bot.texts import texts_for
from common.sentences import Sentence
from common.system_errors import system_reason


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Der Server ist nicht zu finden"),
        (TimeoutError("timed out"), "Der Server blieb zu lange stumm"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "Der Server lehnt die Verbindung ab"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "Die Verbindung ist abgebrochen"),
        (OSError(errno.ENETUNREACH, "x"), "Der Server ist nicht erreichbar"),
        (OSError(errno.ENOSPC, "x"), "Auf der Festplatte ist kein Platz mehr"),
        (OSError(errno.EACCES, "x"), "Dazu fehlt mir das Recht"),
        (OSError(errno.EROFS, "x"), "Dazu fehlt mir das Recht"),
        (ssl.SSLError(1, "x"), "Zum Server kommt keine sichere Verbindung zustande"),
    ],
)
def test_common_system_errors_are_translated(error: OSError, text: str) -> None:
    reason = system_reason(error)
    assert isinstance(reason, Sentence)
    assert texts_for("de").say(reason) == text


def test_rare_system_errors_keep_the_systems_words() -> None:
    assert system_reason(OSError(errno.EMFILE, "x")) == "x"
    assert system_reason(OSError(errno.EIO, os.strerror(errno.EIO))) == os.strerror(errno.EIO)
    assert system_reason(ValueError("odd")) == "odd"
    assert system_reason(ValueError()) == "ValueError"
