"""`eval compare` from any kind of evidence: a page with the verdict first, a picture, strict JSON."""

import json
from pathlib import Path

import pandas as pd
import pytest

from eval.__main__ import main


@pytest.fixture(autouse=True)
def hashing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIERWISE_ENCODER_BACKEND", "hashing")
    monkeypatch.setenv("TIERWISE_MODELS_DIR", str(tmp_path / "m"))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """The cheap route is right as often as the dear one, in both tasks."""
    rows = [
        {"query_id": f"q{i}", "prompt": f"What is {i} + 2?", "task": "ab"[i % 2], "model": model, "effort": "none"}
        | {"correct": float((i * step) % 10 < 8), "cost_usd": usd * (1 + i % 3)}
        for i in range(600)
        for model, usd, step in (("gpt-4o-mini", 0.0001, 3), ("gpt-4o", 0.001, 7))
    ]
    path = tmp_path / "labels.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    """Executed comparisons in which the candidate costs ten times as much for the same."""
    n = 800
    table = pd.DataFrame({"decision_id": [f"d{i}" for i in range(n)], "task": ["a", "b"] * (n // 2)})
    table = table.assign(incumbent_model="gpt-4o-mini", candidate_model="gpt-4o", executed=True)
    table = table.assign(incumbent_effort="none", candidate_effort="none", tenant="acme")
    for name, usd in (("incumbent", 0.0001), ("candidate", 0.001)):
        table[f"{name}_billed_usd"] = usd
        table[f"{name}_correct"] = [float(i % 5 > 0) for i in range(n)]
    path = tmp_path / "shadow.parquet"
    table.to_parquet(path)
    return path


@pytest.fixture
def compare(write_policy, tmp_path: Path):
    """The dear policy against the cheap one, in the order given."""
    folders = {"dear": write_policy("dear"), "cheap": write_policy("cheap", seed=1, value_usd=0.0)}

    def run(incumbent: str, candidate: str, *more: object) -> int:
        named = ("--incumbent", folders[incumbent], "--candidate", folders[candidate], "--out", tmp_path / "report")
        return main(["compare", *map(str, (*named, *more))])

    return run


def test_as_good_for_a_tenth_is_promoted_and_the_report_says_why(compare, labels, tmp_path, capsys):
    assert compare("dear", "cheap", "--labels", labels, "--margin", 0.1, "--slice-margin", 0.2) == 0
    assert capsys.readouterr().out.startswith("PROMOTE: cheap in place of dear.")
    found = json.loads((tmp_path / "report" / "comparison.json").read_text())
    assert found["verdict"]["decision"] == "promote" and len(found["curves"]) == 2
    assert found["flips"][0]["leaves"] == "gpt-4o|none" and found["flips"][0]["because"].startswith("value")
    assert {check["slice"] for check in found["verdict"]["checks"]} == {"all requests", "a", "b"}
    page = (tmp_path / "report" / "comparison.html").read_text()
    assert page.index('badge good">promote') < page.index("<table")
    assert (tmp_path / "report" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_shadow_runs_alone_reject_what_costs_more(compare, shadow, capsys):
    assert compare("cheap", "dear", "--shadow", shadow) == 0
    assert capsys.readouterr().out.startswith("REJECT: dear in place of cheap.")


def test_evidence_that_is_too_little_is_watched_on(compare, shadow, tmp_path, capsys):
    pd.read_parquet(shadow).head(40).assign(candidate_billed_usd=0.00009).to_parquet(tmp_path / "few.parquet")
    assert compare("cheap", "dear", "--shadow", tmp_path / "few.parquet") == 0
    assert capsys.readouterr().out.startswith("KEEP WATCHING")


def test_no_evidence_is_an_error(compare, capsys):
    assert compare("dear", "cheap") == 2
    assert "--labels, --log and --shadow" in capsys.readouterr().err


def test_routes_without_labels_are_named(compare, labels, tmp_path, capsys):
    table = pd.read_parquet(labels)
    table[table["model"] == "gpt-4o"].to_parquet(tmp_path / "half.parquet")
    assert compare("dear", "cheap", "--labels", tmp_path / "half.parquet") == 2
    assert "gpt-4o-mini|none" in capsys.readouterr().err


def test_a_store_without_shadow_runs_says_how_to_get_them(compare, store, store_url, capsys):
    store.probe().result()
    assert compare("dear", "cheap", "--shadow", store_url) == 2
    assert "python -m training promote --share 0" in capsys.readouterr().err
