"""What a decoding process answers is looked at before it is believed."""

import struct
from typing import Any

import pytest

from common.pictures.answers import checked, most_bytes
from common.pictures.kinds import ClipLimits, Decoded, DecodeLimits, PictureError

LIMITS = DecodeLimits(max_side_px=100)
CLIPS = ClipLimits(max_seconds=4.0, max_frames_per_second=2.0, max_side_px=50)
CLIP = {"width_px": 40, "height_px": 30, "frames": 5, "seconds": 2.0, "notes": []}
NOTE = {"template": "It was turned.", "values": {}}


def png(width: int = 60, height: int = 40, *, bits: int = 8, kind: int = 2) -> bytes:
    """The head of a PNG, of which no more is looked at."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    return head + struct.pack(">IIBB", width, height, bits, kind) + bytes(10)


def answer(clip: object = None, **picture: Any) -> dict[str, Any]:
    return {"picture": {"source_format": "PNG", "notes": [], **picture}, "clip": clip}


def test_valid_picture_answer_is_accepted() -> None:
    found = checked(answer(notes=[NOTE]), [png(kind=6)], LIMITS)
    assert isinstance(found, Decoded)
    picture = found.picture
    assert (picture.width_px, picture.height_px, picture.has_alpha) == (60, 40, True)
    assert [str(note) for note in picture.notes] == ["It was turned."]


def test_clip_answer_is_accepted_only_when_requested() -> None:
    files = [png(), b"PK\3\4 frames"]
    found = checked(answer(CLIP), files, LIMITS, CLIPS)
    assert isinstance(found, Decoded)
    assert found.clip is not None
    assert (found.clip.frames, found.clip.seconds) == (5, 2.0)
    alone = checked(answer(CLIP), files, LIMITS)
    assert isinstance(alone, Decoded)
    assert alone.clip is None


@pytest.mark.parametrize(
    "said", [{}, {"picture": {}}, {"problem": {}}, {"problem": {"template": 5, "values": {}}}]
)
def test_incomplete_answer_is_rejected(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(said, [png()], LIMITS)


@pytest.mark.parametrize(
    "file",
    [
        b"GIF89a" + png()[6:],
        png(101),
        png(40, 101),
        png(0),
        png(60, 0),
        png(bits=16),
        png(kind=3),
        png()[:20],
        b"",
    ],
    ids=[
        *("no PNG", "too wide", "too high", "no width", "no height", "16 bits", "palette"),
        *("short", "empty"),
    ],
)
def test_invalid_picture_file_is_rejected(file: bytes) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(answer(), [file], LIMITS)


@pytest.mark.parametrize(
    "picture",
    [
        {"source_format": "<b>"},
        {"notes": [NOTE] * 5},
        {"notes": [{"template": "x" * 500, "values": {}}]},
        {"notes": [{"template": ["x"], "values": {}}]},
        {"notes": None},
    ],
    ids=["its format", "many notes", "a long note", "a note that is none", "no notes"],
)
def test_invalid_format_or_notes_are_rejected(picture: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="decoder"):
        checked(answer(**picture), [png()], LIMITS)


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
        checked(answer(CLIP | clip), [png(), file], LIMITS, CLIPS)


def test_problem_sentence_has_a_length_limit() -> None:
    said = checked({"problem": {"template": "It is no picture.", "values": {}}}, [], LIMITS)
    assert isinstance(said, PictureError)
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
    """It is filled in by the bot, and shown to whoever attached the file."""
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    for problem in ("problem", "notes"):
        said = {"template": template, "values": values}
        told = {"problem": said} if problem == "problem" else answer(notes=[said])
        with pytest.raises(ValueError, match=r"decoder|expected '}'"):
            checked(told, [png()], LIMITS)


def test_a_sentence_may_hold_numbers_and_other_sentences() -> None:
    values = {"size": 12.34, "count": 3, "what": {"template": "a film", "values": {}}}
    template = "{what} of {count} parts, {size:.1f} or {size:g} MiB, {{so}}."
    said = checked({"problem": {"template": template, "values": values}}, [], LIMITS)
    assert isinstance(said, PictureError)
    assert str(said.sentence) == "a film of 3 parts, 12.3 or 12.34 MiB, {so}."


def test_answer_size_limit_covers_all_pixels() -> None:
    picture, clip = most_bytes(LIMITS), most_bytes(LIMITS, CLIPS)
    assert 4 * 100 * 100 <= picture < clip
    assert clip - picture >= 10 * 4 * 50 * 50
