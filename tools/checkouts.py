"""Checks out older commits of this repository."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class CheckoutError(Exception):
    """A commit cannot be checked out; the text says why."""


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with the code of a commit, until the block ends.

    Raises:
        CheckoutError: there is no such commit here.
    """
    with tempfile.TemporaryDirectory(prefix="atelier-") as folder:
        tree = Path(folder) / "old"
        git("worktree", "add", "--detach", "--force", str(tree), commit)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def git(*arguments: str) -> str:
    """Run git in this checkout; returns its output.

    Raises:
        CheckoutError: git failed.
    """
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments],  # noqa: S607 (git is found on the path)
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CheckoutError(f"git: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()
