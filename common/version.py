"""The version of this checkout."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

VERSION = "0.2.0"


def library_versions(*names: str) -> dict[str, str]:
    """The versions of these installed packages; those that are not there are left out."""
    found = {}
    for name in names:
        try:
            found[name] = installed_version(name)
        except PackageNotFoundError:
            continue
    return found


def versions(*libraries: str) -> str:
    """In words, for a log: Atelier's, Python's, and those of these installed packages."""
    found = library_versions(*libraries)
    parts = [f"Atelier {VERSION}", f"Python {platform.python_version()}"]
    return ", ".join([*parts, *(f"{name} {version}" for name, version in found.items())])
