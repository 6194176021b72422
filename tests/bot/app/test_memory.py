"""Modules that the bot's process must not load.

It runs for months beside an engine that needs the memory.
"""

import subprocess
import sys
from pathlib import Path

PRINT_LOADED_MODULES = """
import sys
import bot.__main__, bot.app.features
absent = {names}
print([name for name in absent if name in sys.modules])
"""
RUN_CHECKS = """
import asyncio, sys
from bot.app.checks import findings
from common.settings_loading import load_settings

async def results():
    return [one.text async for one in findings(load_settings(), thorough=False)]

print(asyncio.run(results())[-3])
print("alembic" in sys.modules)
"""
UNUSED = (
    "PIL",
    "aiohttp.web",
    "alembic",
    "asyncpg",
    "numpy",
    "psutil",
    "rapidfuzz",
    "s3fs",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "torch",
)


def output_lines(program: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_bot_imports_no_module_that_only_other_processes_use() -> None:
    assert output_lines(PRINT_LOADED_MODULES.format(names=UNUSED)) == ["[]"]


def test_database_is_created_in_a_separate_process(tmp_path: Path) -> None:
    environment = {"ATELIER_DATA_DIR": str(tmp_path), "ATELIER_ENGINE": "external"}
    found = output_lines(RUN_CHECKS, **environment)
    assert found == ["SQLite, of this version", "False"]
