"""Modules that nobody needs are left out of what a library imports, and are there afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.left_out import left_out

_PAINTS = """
import sys
from engine.__main__ import main
main(["paint", "nothing.png", "--style", "nothing.png"])
torch = sys.modules["torch"]
print("torch._meta_registrations" in sys.modules, hasattr(torch, "_meta_registrations"))
import torch._meta_registrations
print(len(vars(torch._meta_registrations)) > 100)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose module `rare` says on import that it was loaded."""
    (tmp_path / "laden").mkdir()
    (tmp_path / "laden" / "__init__.py").write_text("from laden import rare\n")
    (tmp_path / "laden" / "rare.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("laden", "laden.rare"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "laden"


def test_it_is_loaded_by_who_imports_it_later(package: str) -> None:
    with left_out(f"{package}.rare"):
        laden = __import__(package)
    assert f"{package}.rare" not in sys.modules
    assert not hasattr(laden, "rare")
    from laden.rare import answer  # type: ignore[import-not-found]  # noqa: PLC0415

    assert answer == 42


def test_who_uses_it_at_once_gets_what_is_in_it(package: str) -> None:
    with left_out(f"{package}.rare"):
        rare = __import__(package).rare
        assert not hasattr(rare, "__file__")
        assert rare.answer == 42
    assert sys.modules[f"{package}.rare"].answer == 42
    assert sys.modules[package].rare.answer == 42


def test_what_is_not_in_it_is_missing_as_ever(package: str) -> None:
    with left_out(f"{package}.rare"), pytest.raises(AttributeError):
        __import__(package).rare.question  # noqa: B018


def test_what_is_loaded_already_stays(package: str) -> None:
    rare = __import__(package).rare
    with left_out(f"{package}.rare"):
        assert sys.modules[f"{package}.rare"] is rare
    assert sys.modules[f"{package}.rare"] is rare


def test_a_package_that_is_there_already_hands_out_the_stand_in(package: str) -> None:
    __import__(package)
    del sys.modules[f"{package}.rare"], sys.modules[package].rare
    with left_out(f"{package}.rare"):
        from laden import rare  # type: ignore[import-not-found]  # noqa: PLC0415

        assert "answer" not in vars(rare)
    assert not hasattr(sys.modules[package], "rare")


def test_a_command_paints_without_what_torchs_compiler_asks_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PAINTS], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines()[-2:] == ["False False", "True"], done.stderr
