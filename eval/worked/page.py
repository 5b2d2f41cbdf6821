"""The page of worked examples: every row, by chapter, as HTML and Markdown, and the sentence above them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from eval.plan_page import page_environment
from eval.worked.row import Row
from router.economics.plan import plain

GUIDE = "AI Inference Cost Economics: The Complete Guide (Prompt20, 2026)"
# the guide's chapters that hold figures, in our words
CHAPTERS = {
    1: "what to take away",
    2: "input against output",
    3: "five levers",
    4: "hosted prices",
    5: "self-hosting, per token",
    7: "throughput multipliers",
    8: "reasoning models",
    9: "images, clips and speech",
    11: "surprises",
    12: "products",
    13: "the playbook",
    14: "batch",
    15: "methods",
    16: "cost per task",
    17: "providers' prices",
    18: "thinking tokens",
    19: "prompt caching",
    20: "owning hardware",
    21: "hidden costs",
    22: "procurement",
    23: "custom silicon",
    24: "fifteen models",
    25: "allocation",
    28: "questions",
    29: "more questions",
    32: "every model, every tier",
    33: "thinking tokens again",
    34: "caching by provider",
    35: "break-even of two nodes",
    36: "catalogue of hidden costs",
    37: "routing",
    38: "long contexts",
    40: "benchmarks against reality",
    41: "effort",
}
_RIGHT = {
    "ours": "The guide erred. ",
    "guide": "Ours erred. ",
    "both": "Both can stand. ",
    "neither": "Open. ",
}


@dataclass(frozen=True)
class Summary:
    """How many rows agree, and how many of the others are the guide's errors."""

    rows: int
    agrees: int
    close: int
    differs: int
    ours_right: int

    @property
    def sentence(self) -> str:
        return (
            f"Of {self.rows} worked figures {self.agrees} agree to the printed digit, {self.close} within 5 %, and "
            f"{self.differs} differ. The guide erred in {self.ours_right}: by its own inputs, its own tables or the "
            "makers' published rules."
        )


def summarise(rows: Sequence[Row]) -> Summary:
    counts = {name: sum(one.agreement == name for one in rows) for name in ("agrees", "close", "differs")}
    erred = sum(one.agreement != "agrees" and one.right == "ours" for one in rows)
    return Summary(len(rows), counts["agrees"], counts["close"], counts["differs"], erred)


def worked_html(rows: Sequence[Row]) -> str:
    environment = page_environment()
    environment.filters |= {"guide": _guide, "ours": _ours, "verdict": verdict}
    template = environment.get_template("worked.html")
    return template.render(guide=GUIDE, summary=summarise(rows), chapters=_by_chapter(rows))


def worked_markdown(rows: Sequence[Row]) -> str:
    lines = ["# Worked examples", "", f"{GUIDE}, recomputed by `python -m eval worked-examples`.", ""]
    lines += [summarise(rows).sentence]
    for chapter, found in _by_chapter(rows):
        lines += ["", f"## Chapter {chapter}", ""]
        lines += ["| No. | What | Inputs | Guide | Ours | Unit | Agreement | Derivation, and who is right |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        lines += [_line(one) for one in found]
    return "\n".join(lines)


def verdict(row: Row) -> str:
    """Who is right, in a word; nothing where the figures agree."""
    return "" if row.agreement == "agrees" else _RIGHT[row.right]


def _line(row: Row) -> str:
    told = f"{row.how}. {verdict(row)}{row.why}" if row.why else row.how
    cells = (row.key, row.what, row.inputs, _guide(row.guide), _ours(row.ours), row.unit, row.agreement, told)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _by_chapter(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    grouped = groupby(rows, key=lambda one: one.chapter)
    return [(f"{chapter}: {CHAPTERS[chapter]}", list(found)) for chapter, found in grouped]


def _guide(ends: Sequence[str]) -> str:
    return "–".join(f"{Decimal(one):,}" for one in ends)


def _ours(ends: Sequence[Decimal]) -> str:
    return "–".join(plain(one) for one in ends)
