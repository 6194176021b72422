"""SQLAlchemy's asynchronous connections, without its object-relational mapper.

Its package imports the mapper, which is never used here and takes memory in each process. So only
the needed module is imported, without its package. Importing the package later still works, with
the same classes.
"""

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
else:
    _PACKAGE = "sqlalchemy.ext.asyncio"
    if _PACKAGE not in sys.modules:
        _bare = importlib.util.module_from_spec(importlib.util.find_spec(_PACKAGE))
        sys.modules[_PACKAGE] = _bare
        try:
            importlib.import_module(f"{_PACKAGE}.engine")
        except ImportError:  # a later version may have moved it
            pass
        finally:
            del sys.modules[_PACKAGE]
    try:
        _engine = sys.modules[f"{_PACKAGE}.engine"]
    except KeyError:
        _engine = importlib.import_module(_PACKAGE)
    AsyncConnection = _engine.AsyncConnection
    AsyncEngine = _engine.AsyncEngine
    create_async_engine = _engine.create_async_engine

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
