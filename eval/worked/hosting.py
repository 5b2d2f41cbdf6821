"""Chapters on self-hosting: per-token cost, the stack of multipliers, owning, custom silicon, break-even."""

from eval.worked.row import D, Figure, ends
from router.economics.hosting import Machine, break_even, machine_cost, mixed_price, usd_per_request
from router.economics.inputs import DAYS_PER_YEAR, HOURS_PER_YEAR
from router.economics.ownership import Owned, owned_cost, power_usd_per_year

THOUSAND, BILLION, TRILLION = D(1000), D(10) ** 9, D(10) ** 12
NODE = Machine(usd_per_hour=D(20), output_tokens_per_second=D(3000), input_tokens_per_second=D(15_000))
_TEAM_USD = D(300_000 + 150_000 + 50_000)


def figures() -> dict[str, Figure]:
    return {**_per_token(), **_owning_and_power(), **_stack(), **_platforms(), **_tco(), **_silicon(), **_nodes()}


def output_price(usd_per_hour: D | int | str, tokens_per_second: int, utilisation: str = "1") -> D:
    """USD per million output tokens."""
    machine = Machine(
        usd_per_hour=D(usd_per_hour), output_tokens_per_second=D(tokens_per_second), utilisation=D(utilisation)
    )
    return machine_cost(machine).usd_per_million_output_tokens


def _year(usd_per_hour: int) -> D:
    return D(usd_per_hour) * HOURS_PER_YEAR / THOUSAND


def _per_token() -> dict[str, Figure]:
    found: dict[str, Figure] = {
        "5.01": _year(20),
        "5.02": ends(_year(25), _year(40)),
        "5.03": ends(_year(15), _year(25)),
        "5.04": ends(_year(5), _year(15)),
        "5.05": D(20) / 3600,
    }
    for first, utilisation in ((6, "1"), (8, "0.5"), (10, "0.3"), (12, "0.2")):
        cost = machine_cost(NODE.model_copy(update={"utilisation": D(utilisation)}))
        assert cost.usd_per_million_input_tokens is not None
        found |= {
            f"5.{first:02d}": cost.usd_per_million_output_tokens,
            f"5.{first + 1:02d}": cost.usd_per_million_input_tokens,
        }
    per_million = usd_per_request(NODE, 1500, 300, concurrent_phases=True) / 1800 * 10**6
    staffed = NODE.model_copy(update={"operations_usd_per_year": _TEAM_USD})
    idle = staffed.model_copy(update={"utilisation": D("0.3")})
    pair = Machine(
        usd_per_hour=D(5),
        output_tokens_per_second=D(750),
        input_tokens_per_second=D(3750),
        utilisation=D("0.5"),
    )
    return found | {
        "1.03": machine_cost(pair).usd_per_million_input_tokens or D(0),
        "5.14": ends(100 * per_million / D("0.90"), 100 * per_million / D("0.60")),
        "5.15": _TEAM_USD / THOUSAND,
        "5.16": staffed.usd_per_year / THOUSAND,
        "5.17": machine_cost(staffed).usd_per_million_output_tokens,
        "5.18": machine_cost(idle).usd_per_million_output_tokens,
    }


def _owning_and_power() -> dict[str, Figure]:
    hardware = {"5.20": (50, 80, 9000), "5.21": (25, 40, 4500), "5.22": (15, 25, 3000), "5.23": (4, 8, 600)}
    hardware["5.24"] = (12, 20, 2800)
    found: dict[str, Figure] = {
        key: ends(output_price(low, speed, "0.5"), output_price(high, speed, "0.5"))
        for key, (low, high, speed) in hardware.items()
    }
    power = power_usd_per_year(D(10), D("0.10"))
    low, high = (_running(cooling, space) for cooling, space in (("0.3", 300), ("0.5", 1000)))
    rent = _year(20)
    return found | {
        "5.26": power / DAYS_PER_YEAR,
        "5.27": power,
        "5.28": 100 * power / 300_000,
        "5.29": ends(low, high),
        "5.30": ends(100 * low / rent, 100 * high / rent),
    }


def _running(cooling_share: str, colocation: int, usd_per_kilowatt_hour: str = "0.10", space: bool = True) -> D:
    """Power, cooling and space of a 10 kW node, thousand USD per year."""
    owned = Owned(
        hardware_usd=D(0),
        years=1,
        power_kilowatts=D(10),
        usd_per_kilowatt_hour=D(usd_per_kilowatt_hour),
        cooling_share=D(cooling_share),
        colocation_usd_per_kilowatt_month=D(colocation if space else 0),
    )
    return owned_cost(owned).usd / THOUSAND


def _stack() -> dict[str, Figure]:
    steps = {"7.03": 1200, "7.04": 2000, "7.05": 2800, "7.06": 3500, "7.07": 4500}
    vanilla, best = output_price(20, 400, "0.5"), output_price(20, 5500, "0.6")
    found: dict[str, Figure] = {key: output_price(20, speed, "0.5") for key, speed in steps.items()}
    return found | {
        "7.01": output_price(20, 400),
        "7.02": vanilla,
        "7.08": best,
        "7.09": vanilla / best,
        "7.10": ends(best / D("0.88"), best / D("0.79")),
        "7.11": D(5500) / 400,
    }


def _platforms() -> dict[str, Figure]:
    table = ((20, 3000), (32, 3000), (30, 4500), (60, 9000), (15, 2800), (4, 800), (6, 600))
    return {f"20.{i}": output_price(hour, speed, "0.6") for i, (hour, speed) in enumerate(table, 30)}


def _tco() -> dict[str, Figure]:
    lines = (
        (85, 85, 85),
        (15, 16, 17),
        (5, 5, 6),
        (60, 63, 66),
        (25, 25, 25),
        (80, 84, 88),
    )
    years = [D(sum(line[year] for line in lines)) for year in range(3)]
    total = sum(years, D(0))
    rent = 3 * _year(20)
    found: dict[str, Figure] = {f"20.{i:02d}": D(sum(line)) for i, line in enumerate(lines, 9)}
    found |= {f"20.{i:02d}": year for i, year in enumerate(years, 5)}
    return found | {
        "20.01": _power_ends(10),
        "20.02": _power_ends(14),
        "20.03": ends(D(10 * 300) / THOUSAND, D(10 * 1000) / THOUSAND),
        "20.04": ends(D(14 * 300) / THOUSAND, D(14 * 1000) / THOUSAND),
        "20.08": total,
        "20.15": rent,
        "20.16": 100 * (total / rent - 1),
        "20.17": ends(_running("0.3", 0, "0.04"), _running("0.5", 0, "0.04")),
        "20.18": D(250) / 10,
        "20.19": D(96 + 480),
        "20.20": D(8 * 192),
        "20.21": D(405),
        "20.22": power_usd_per_year(D(10), D("0.12")) / THOUSAND,
        "20.23": D(10 * 500 * 12) / THOUSAND,
        "20.24": total * THOUSAND / 3 / HOURS_PER_YEAR,
    }


def _power_ends(kilowatts: int) -> Figure:
    return ends(*(power_usd_per_year(D(kilowatts), D(rate)) / THOUSAND for rate in ("0.04", "0.35")))


def _silicon() -> dict[str, Figure]:
    tpu = output_price("4.20", 2500)
    return {
        "23.01": 100 * (1 - D("0.65") / D("1.85")),
        "23.02": output_price(9, 3000, "0.6"),
        "23.03": tpu,
        "23.04": 100 * (1 - tpu / D("1.85")),
    }


def _nodes() -> dict[str, Figure]:
    """The break-even chapter, with the throughput that the hardware chapter gives the same nodes."""
    found: dict[str, Figure] = {
        "35.03": power_usd_per_year(D(14), D("0.10")) / THOUSAND,
        "35.04": D("0.3") * 250,
        "35.07": _tokens_per_year(5000, "0.5") / TRILLION,
        "35.08": _tokens_per_year(12_000, "0.5") / TRILLION,
    }
    for key, capex, speed in (("H200", 280, 4500), ("B200", 350, 9000)):
        first = key == "H200"
        year = _node_year(capex)
        rate = D(speed) / 300
        half = year / _tokens_per_year(rate, "0.5") * 10**6
        found |= {
            "35.01" if first else "35.02": D(capex) / 5,
            "35.05" if first else "35.06": year / THOUSAND,
            "35.10" if first else "35.11": rate,
            "35.12" if first else "35.13": half,
            "35.15" if first else "35.16": 2 * half,
        }
    mixed = mixed_price(D(3), D(15), 200, 300)
    found["35.14"] = 3 / (_node_year(280) / _tokens_per_year(D(15), "0.5") * 10**6)
    even = break_even(_node_year(280), mixed, _tokens_per_year(D(15), "0.5"))
    return found | {
        "35.17": mixed,
        "35.18": even.tokens_per_year / BILLION,
        "35.19": even.tokens_per_day / 10**6,
        "35.20": ends(_tokens_per_year(D(15), "0.25") / BILLION, _tokens_per_year(D(15), "0.5") / BILLION),
    }


def _node_year(capex_thousand: int) -> D:
    owned = Owned(
        hardware_usd=D(capex_thousand) * THOUSAND,
        years=5,
        power_kilowatts=D(14),
        usd_per_kilowatt_hour=D("0.10"),
        cooling_share=D(0),
        maintenance_usd_per_year=D(15_000),
        staff_full_time=D("0.3"),
        staff_usd_per_full_time=D(250_000),
    )
    return owned_cost(owned).usd_per_year


def _tokens_per_year(requests_per_second: D | int, utilisation: str) -> D:
    return requests_per_second * 500 * D(3600) * HOURS_PER_YEAR * D(utilisation)
