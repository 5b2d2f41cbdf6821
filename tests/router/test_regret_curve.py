import pytest

from router.errors import InputError
from router.regret_curve import Regret, RegretCurve

CURVE = RegretCurve("m|none", "labels.parquet", 182, 0, (Regret(0, 0.01, -0.01, 0.03, 0.5, 0.6),))


def test_a_curve_survives_its_file(tmp_path):
    CURVE.write(tmp_path / "regret.json")
    assert RegretCurve.read(tmp_path / "regret.json") == CURVE


@pytest.mark.parametrize(
    "text", ["{}", "[]", "no json", '{"route": "a", "labels": "b", "held_out": 1, "seed": 0, "curve": []}']
)
def test_what_is_no_curve_is_refused_with_a_cure(text, tmp_path):
    (tmp_path / "regret.json").write_text(text)
    with pytest.raises(InputError, match="training regret"):
        RegretCurve.read(tmp_path / "regret.json")


def test_a_figure_that_is_no_number_is_refused(tmp_path):
    CURVE.write(tmp_path / "regret.json")
    path = tmp_path / "regret.json"
    path.write_text(path.read_text().replace("0.03", "NaN"))
    with pytest.raises(InputError, match="not finite"):
        RegretCurve.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        RegretCurve.read(tmp_path / "none.json")
