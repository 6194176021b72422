"""The imports and exports of the page's scripts."""

import re
from graphlib import TopologicalSorter

from sandbox.page.routes import STATIC

IMPORT = re.compile(r'^import \{([^}]+)\} from "\./([\w.]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
SCRIPTS = {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")}


def test_scripts_have_no_circular_imports() -> None:
    imported = {name: [m[2] for m in IMPORT.finditer(text)] for name, text in SCRIPTS.items()}
    order = list(TopologicalSorter(imported).static_order())  # raises for a circular import
    assert order[-1] == "main.js"
    assert set(order) == set(SCRIPTS)


def test_each_export_is_imported_somewhere_and_each_import_is_exported() -> None:
    exported = {(name, word) for name, text in SCRIPTS.items() for word in EXPORT.findall(text)}
    imported = {
        (match[2], word.strip())
        for text in SCRIPTS.values()
        for match in IMPORT.finditer(text)
        for word in match[1].split(",")
    }
    assert exported == imported
