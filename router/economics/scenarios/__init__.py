"""A documented scenario per chapter, as TOML: the file to start from, and the example in the service's document."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def example_text(chapter: str) -> str:
    """The documented scenario of a chapter."""
    return (FOLDER / f"{chapter}.toml").read_text(encoding="utf-8")


def example(chapter: str) -> dict[str, Any]:
    """The same, read; numbers are decimals as written."""
    return tomllib.loads(example_text(chapter), parse_float=Decimal)
