import io
import subprocess
import sys

import pytest
from PIL import Image

from bot.commands.admin import plot
from bot.commands.admin.plot import Diagram, Plot, draw
from common.child import ChildError

DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


async def test_plot_is_drawn_outside_the_bots_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(plot, "_render")  # only the child process calls it
    png = await draw(
        Plot(DAYS, [Diagram("Pictures", "", {"Painted": [1, 2, 3], "Failed": [0, 1, 0]})])
    )
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 100
        shown = plot.SHOWN_PX / picture.width  # as Discord scales it
    letters_px = plot.FONT_POINTS / 72 * plot.DOTS_PER_INCH * shown
    assert letters_px >= 13, "as high as Discord's text"


async def test_scale_of_an_empty_plot_starts_at_zero() -> None:
    none, some = [
        await draw(Plot(DAYS, [Diagram("Pictures", "", {"Painted": [number] * 3})]))
        for number in (0.0, 1 / 1.05)  # with the margin above it, the scale ends at 1
    ]
    with Image.open(io.BytesIO(none)) as empty, Image.open(io.BytesIO(some)) as full:
        frame = (0, 0, round(empty.width * 0.08), empty.height)  # the axis labels
        assert list(empty.crop(frame).tobytes()) == list(full.crop(frame).tobytes())


def test_importing_the_plot_module_does_not_load_matplotlib() -> None:
    script = "import sys, bot.commands.admin.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_plot_child_gets_userprofile_but_no_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child_environment: dict[str, str] = {}

    async def record_environment(*_: object, environment: dict[str, str], **__: object) -> None:
        child_environment.update(environment)
        raise ChildError

    monkeypatch.setattr(plot, "ask_child", record_environment)
    monkeypatch.setenv("USERPROFILE", r"C:\Users\ada")
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    with pytest.raises(ChildError):
        await draw(Plot(DAYS, []))
    assert child_environment["USERPROFILE"] == r"C:\Users\ada"
    assert "DISCORD_TOKEN" not in child_environment


async def test_hanging_plot_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "TIMEOUT_SECONDS", 0.0)
    with pytest.raises(ChildError, match="took longer"):
        await draw(Plot(DAYS, [Diagram("Pictures", "", {"Painted": [1, 2, 3]})]))


async def test_failed_plot_raises_the_error_of_the_child() -> None:
    with pytest.raises(ChildError, match="shape mismatch"):
        await draw(Plot(DAYS, [Diagram("Pictures", "", {"Painted": [1, 2]})]))
