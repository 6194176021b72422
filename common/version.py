"""The version of this checkout."""

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
