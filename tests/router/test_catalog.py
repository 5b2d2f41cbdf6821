from datetime import UTC, datetime
from decimal import Decimal

import pytest

from router.catalog import RouteSpec, build_specs, price_book, read_routes_file, with_tiers
from router.errors import InputError
from router.prices import Usage
from router.routes import Route

AT = datetime(2026, 11, 1, tzinfo=UTC)
FILE = """
[routes."own-70b"]
usd_per_million_input_tokens = 0.4
usd_per_million_output_tokens = 0.8
vision = true
[routes."own-70b|high"]
tier = "frontier"
max_output_tokens = 900
[routes."flat|default"]
usd_per_query = 0.0001
"""
ROUTES = [Route("own-70b", "none"), Route("own-70b", "high"), Route("flat", "default"), Route("gpt-4o", "none")]


@pytest.fixture
def specs(tmp_path):
    (tmp_path / "routes.toml").write_text(FILE)
    return build_specs(ROUTES, read_routes_file(tmp_path / "routes.toml"))


def test_a_model_speaks_for_its_efforts_and_an_effort_for_itself(specs):
    plain, high = specs[ROUTES[0]], specs[ROUTES[1]]
    assert plain.price == high.price and plain.vision and high.vision
    assert (plain.max_output_tokens, high.max_output_tokens) == (None, 900)


def test_prices_of_the_file_are_exact(specs):
    assert price_book(specs).usd(ROUTES[0], Usage(1000, 10), AT) == Decimal("0.000408")
    assert price_book(specs).usd(ROUTES[2], Usage(1000, 10), AT) == Decimal("0.0001")


def test_tiers_follow_price_and_effort(specs):
    tiers = with_tiers(specs, price_book(specs), AT)
    assert [tiers[route].tier for route in ROUTES] == ["economy", "frontier", "economy", "standard"]


def test_a_spec_survives_json(specs):
    for spec in specs.values():
        assert RouteSpec.from_dict(spec.as_dict()) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "not a routes file"),
        ("[routes]\na = 1", "routes.a: not a table"),
        ('[routes."a"]\nusd_per_qury = 1', "Nearest known: usd_per_query"),
        ('[routes."a"]\nusd_per_query = -1', "not negative"),
        ('[routes."a"]\nusd_per_query = nan', "finite"),
        ('[routes."a"]\nusd_per_million_input_tokens = inf', "finite"),
        ('[routes."a"]\nusd_per_query = "free"', "not negative"),
        ('[routes."a"]\ntier = "luxury"', "economy"),
        ('[routes."a"]\nvision = 1', "true or false"),
        ('[routes."a"]\nmax_output_tokens = 0', "whole number"),
        ("[routes", "not a readable TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, message):
    (tmp_path / "routes.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_routes_file(tmp_path / "routes.toml")
