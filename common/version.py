"""The version of this checkout."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

VERSION = "0.2.0"


def library_versions(*names: str) -> dict[str, str]:
    """Versions of these packages, without those that are not installed."""
    found = {}
    for name in names:
        try:
            found[name] = installed_version(name)
        except PackageNotFoundError:
            continue
    return found


def versions(*libraries: str) -> str:
    """Versions of Atelier, Python and these packages, as text for the log."""
    found = library_versions(*libraries)
    parts = [f"Atelier {VERSION}", f"Python {platform.python_version()}"]
    return ", ".join([*parts, *(f"{name} {version}" for name, version in found.items())])
