"""Nothing that reads a file of others' can run code from it: said once for the whole source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED_IMPORTS = {"pickle", "cloudpickle", "joblib", "dill", "marshal", "shelve", "yaml", "xml"}
# Packs words in this process's memory and opens what it packed itself: no byte of it goes to a file or comes from one.
OWN_MEMORY = {ROOT / "router/cache/entry_views.py": {"marshal"}}
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
SOURCES = sorted(path for part in ("router", "service", "training", "eval") for path in (ROOT / part).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("part", ["router", "service", "training", "eval"])
def test_nothing_unpickles_or_evaluates(part: str) -> None:
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] != part:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not imported(tree) & BANNED_IMPORTS - OWN_MEMORY.get(path, set()), path
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                assert not (isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS), (path, node.lineno)
                for word in node.keywords:
                    unsafe = word.arg == "allow_pickle" and getattr(word.value, "value", None) is not False
                    assert not unsafe, (path, node.lineno)


def test_the_service_knows_no_mlflow() -> None:
    """MLflow unpickles what it downloads; policies reach the service as folders that are read with care."""
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] in ("router", "service"):
            assert "mlflow" not in imported(ast.parse(path.read_text(encoding="utf-8"))), path
