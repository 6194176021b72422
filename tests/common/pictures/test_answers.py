"""Answers of a decoding process are validated, as a hostile file may control it."""

import struct
from typing import Any

import pytest

from common.pictures.answers import checked, most_bytes
from common.pictures.kinds import ClipLimits, Decoded, DecodeLimits, PictureError

LIMITS = DecodeLimits(max_side_px=100)
CLIPS = ClipLimits(max_seconds=4.0, max_frames_per_second=2.0, max_side_px=50)
CLIP = {"width_px": 40, "height_px": 30, "frames": 5, "seconds": 2.0, "notes": []}
NOTE = {"template": "It was turned.", "values": {}}


def png_header(width: int = 60, height: int = 40, *, bits: int = 8, kind: int = 2) -> bytes:
    """The start of a PNG: all that is validated."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    return head + struct.pack(">IIBB", width, height, bits, kind) + bytes(10)


def answer(clip: object = None, **picture: Any) -> dict[str, Any]:
    return {"picture": {"notes": [], **picture}, "clip": clip}


def test_valid_picture_answer_is_accepted() -> None:
    decoded = checked(answer(notes=[NOTE]), [png_header(kind=6)], LIMITS)
    assert isinstance(decoded, Decoded)
    picture = decoded.picture
    assert (picture.width_px, picture.height_px, picture.has_alpha) == (60, 40, True)
    assert [str(note) for note in picture.notes] == ["It was turned."]


def test_clip_answer_is_accepted_only_when_requested() -> None:
    files = [png_header(), b"PK\3\4 frames"]
    decoded = checked(answer(CLIP), files, LIMITS, CLIPS)
    assert isinstance(decoded, Decoded)
    assert decoded.clip is not None
    assert (decoded.clip.frames, decoded.clip.seconds) == (5, 2.0)
    decoded = checked(answer(CLIP), files, LIMITS)
    assert isinstance(decoded, Decoded)
    assert decoded.clip is None


@pytest.mark.parametrize(
    "invalid", [{}, {"picture": {}}, {"problem": {}}, {"problem": {"template": 5, "values": {}}}]
)
def test_incomplete_answer_is_rejected(invalid: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(invalid, [png_header()], LIMITS)


@pytest.mark.parametrize(
    "file",
    [
        b"GIF89a" + png_header()[6:],
        png_header(101),
        png_header(40, 101),
        png_header(0),
        png_header(60, 0),
        png_header(bits=16),
        png_header(kind=3),
        png_header()[:20],
        b"",
    ],
    ids=[
        *("not a PNG", "too wide", "too high", "zero width", "zero height", "16 bits", "palette"),
        *("truncated", "empty"),
    ],
)
def test_invalid_picture_file_is_rejected(file: bytes) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(answer(), [file], LIMITS)


@pytest.mark.parametrize(
    "picture",
    [
        {"notes": [NOTE] * 5},
        {"notes": [{"template": "x" * 500, "values": {}}]},
        {"notes": [{"template": ["x"], "values": {}}]},
        {"notes": None},
    ],
    ids=["too many notes", "too long", "not text", "null"],
)
def test_invalid_notes_are_rejected(picture: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(answer(**picture), [png_header()], LIMITS)


@pytest.mark.parametrize(
    ("clip", "file"),
    [
        ({"width_px": 51}, b"PK\3\4"),
        ({"height_px": 0}, b"PK\3\4"),
        ({"frames": 11}, b"PK\3\4"),
        ({"frames": 1}, b"PK\3\4"),
        ({"seconds": 7.0}, b"PK\3\4"),
        ({"seconds": 0.0}, b"PK\3\4"),
        ({"seconds": float("nan")}, b"PK\3\4"),
        ({}, b"no zip"),
    ],
)
def test_invalid_clip_answer_is_rejected(clip: dict[str, Any], file: bytes) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(answer(CLIP | clip), [png_header(), file], LIMITS, CLIPS)


def test_problem_sentence_has_a_length_limit() -> None:
    error = checked({"problem": {"template": "It is no picture.", "values": {}}}, [], LIMITS)
    assert isinstance(error, PictureError)
    for template, value in (("x" * 500, ""), ("{s}", "x" * 500)):
        with pytest.raises(ValueError, match="decoder"):
            checked({"problem": {"template": template, "values": {"s": value}}}, [], LIMITS)


SECRET = "{s.from_plain.__func__.__globals__[dataclass].__globals__[sys].modules[os].environ[%s]}"


@pytest.mark.parametrize(
    ("template", "values"),
    [
        (SECRET % "DISCORD_TOKEN", {"s": {"template": "x", "values": {}}}),
        ("{s.__format__.__func__.__globals__[logging].os.environ[DISCORD_TOKEN]}", {"s": 1.0}),
        ("{s.template}", {"s": {"template": "x", "values": {}}}),
        ("{s[0]}", {"s": "x"}),
        ("{s:>999999999}", {"s": "x"}),
        ("{s:{s}}", {"s": ">999999999"}),
        ("{s!r}", {"s": "x"}),
        ("{}", {}),
        ("{s", {"s": "x"}),
        ("{s}", {"s": {"template": "{s.x}", "values": {"s": "x"}}}),
        ("{s}", {"s": ["x"]}),
    ],
)
def test_sentence_template_may_only_name_its_values(
    monkeypatch: pytest.MonkeyPatch, template: str, values: dict[str, Any]
) -> None:
    """The bot fills in templates of a process that a hostile file may control."""
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    for problem in ("problem", "notes"):
        sentence = {"template": template, "values": values}
        invalid = {"problem": sentence} if problem == "problem" else answer(notes=[sentence])
        with pytest.raises(ValueError, match=r"decoder|expected '}'"):
            checked(invalid, [png_header()], LIMITS)


def test_a_sentence_may_hold_numbers_and_other_sentences() -> None:
    values = {"size": 12.34, "count": 3, "what": {"template": "a film", "values": {}}}
    template = "{what} of {count} parts, {size:.1f} or {size:g} MiB, {{so}}."
    error = checked({"problem": {"template": template, "values": values}}, [], LIMITS)
    assert isinstance(error, PictureError)
    assert str(error.sentence) == "a film of 3 parts, 12.3 or 12.34 MiB, {so}."


def test_answer_size_limit_covers_all_pixels() -> None:
    picture, clip = most_bytes(LIMITS), most_bytes(LIMITS, CLIPS)
    assert 4 * 100 * 100 <= picture < clip
    assert clip - picture >= 10 * 4 * 50 * 50
