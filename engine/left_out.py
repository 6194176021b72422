"""Modules that a library imports for others, and that painting never uses."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Within, who imports one of these modules gets a stand-in, which is gone again afterwards.

    Who then imports it gets the module itself; and who asks a stand-in for something that is in
    the module is given that, for which it is loaded after all. So nothing is missing anywhere, but
    that what a module does when it is loaded (as to register itself somewhere) is not done.

    Args:
        names: whole names, such as `numpy.f2py`. Those that are loaded already stay.
    """
    stand_ins = {name: _StandIn(name) for name in names if name not in sys.modules}
    for stand_in in stand_ins.values():
        stand_in.enter()
    try:
        yield
    finally:
        for stand_in in stand_ins.values():
            stand_in.leave()


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        # What looks through all modules asks for such as `__file__`, which says nothing of a use.
        if name.startswith("__"):
            raise AttributeError(name)
        self.leave()
        return getattr(importlib.import_module(self.__name__), name)

    def enter(self) -> None:
        """Be what is imported by this name."""
        sys.modules[self.__name__] = self
        package, _, module = self.__name__.rpartition(".")
        if package in sys.modules:
            setattr(sys.modules[package], module, self)

    def leave(self) -> None:
        """Be imported by nobody any more."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        package, _, module = self.__name__.rpartition(".")
        holder = sys.modules.get(package)
        if holder is not None and vars(holder).get(module) is self:
            delattr(holder, module)
