"""The commands, as they are typed."""

import json
from pathlib import Path

import pytest

from eval.__main__ import main
from router.economics.chapters import CHAPTERS
from router.economics.scenarios import FOLDER

SCENARIO = FOLDER / "caching.toml"


def test_prices_of_a_model_and_of_all_models(capsys):
    assert main(["prices", "gpt-5", "--at", "2026-07-01"]) == 0
    assert "guide: tear-down" in capsys.readouterr().out
    assert main(["prices", "--at", "2026-07-01", "--input", "500", "--output", "200"]) == 0
    assert "500 in / 200 out" in capsys.readouterr().out
    assert main(["prices", "--disagreements", "--at", "2026-07-01"]) == 0
    assert "disagree on" in capsys.readouterr().out


def test_an_unknown_model_is_exit_code_two(capsys):
    assert main(["prices", "no-such-model-at-all"]) == 2
    assert "no price is known" in capsys.readouterr().err


def test_a_day_is_its_noon_and_a_moment_is_itself(capsys):
    for at, usd in (("2026-07-01", "$0.00148"), ("2026-07-01T18:00", "$0.000368")):
        assert main(["prices", "--models", "deepseek/deepseek-r1", "--at", at]) == 0
        assert usd in capsys.readouterr().out


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_the_printed_example_is_a_scenario(chapter, tmp_path, capsys):
    assert main(["plan", "--example", chapter]) == 0
    path = tmp_path / "scenario.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["plan", str(path)]) == 0
    assert capsys.readouterr().out.strip()


def test_json_and_html(tmp_path, capsys):
    assert main(["plan", str(SCENARIO), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["chapter"] == "caching"
    page = tmp_path / "plans" / "caching.html"
    assert main(["plan", str(SCENARIO), "--format", "html", "--out", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text and "http" not in text.replace("http://www.w3.org", "")


def test_names_from_a_scenario_are_escaped(tmp_path):
    text = (FOLDER / "routing.toml").read_text(encoding="utf-8").replace('"easy"', '"<script>alert(1)</script>"')
    scenario, page = tmp_path / "s.toml", tmp_path / "s.html"
    scenario.write_text(text, encoding="utf-8")
    assert main(["plan", str(scenario), "--format", "html", "--out", str(page)]) == 0
    assert "<script>" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chapter = ", "not a readable TOML file"),
        ("x = 1", "chapter: missing"),
        ('chapter = "nothing"', "no such chapter"),
        ('chapter = "forecast"\n[forecast]\nusd_per_month = -1', "forecast.usd_per_month: out of range"),
        ('chapter = "capacity"\n[traffic]\nwindow_seconds = 0\n[traffic.trace]\npath = "x"', "traffic.window_seconds"),
        ('chapter = "capacity"\n[traffic]\nwindow_seconds = 60\n[traffic.trace]\npath = "no.csv"', "no such file"),
    ],
)
def test_a_wrong_scenario_is_exit_code_two_and_writes_nothing(text, said, tmp_path, capsys):
    scenario, out = tmp_path / "s.toml", tmp_path / "out.html"
    scenario.write_text(text, encoding="utf-8")
    assert main(["plan", str(scenario), "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_trace_beside_the_scenario_is_read(tmp_path, capsys):
    trace = "\n".join(["seconds", *(str(i / 2) for i in range(600))])
    (tmp_path / "trace.csv").write_text(trace + "\n", encoding="utf-8")
    scenario = tmp_path / "s.toml"
    lines = ['chapter = "capacity"', "[traffic]", "window_seconds = 60", "[traffic.trace]", 'path = "trace.csv"']
    scenario.write_text("\n".join(lines), encoding="utf-8")
    assert main(["plan", str(scenario)]) == 0
    assert "Provide 2.6 requests a second" in capsys.readouterr().out


def test_the_worked_examples_are_written(tmp_path, capsys):
    assert main(["worked-examples", "--out", str(tmp_path)]) == 0
    assert "worked figures" in capsys.readouterr().out
    assert {one.name for one in Path(tmp_path).iterdir()} == {
        f"worked-examples.{end}" for end in ("html", "md", "json")
    }
