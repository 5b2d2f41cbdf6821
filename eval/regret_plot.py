"""The regret curve as a picture: what is lost by knowing a new model from few labels."""

from matplotlib.figure import Figure

from eval.drawing import INKS, drawn
from router.regret_curve import RegretCurve


def regret_figure(regret: RegretCurve) -> Figure:
    """Correct answers lost per 1,000 requests, evenly spaced by number of labels, with 95 % intervals."""
    places, rows = range(len(regret.curve)), regret.curve
    spread = [[1000 * (one.regret - one.low) for one in rows], [1000 * (one.high - one.regret) for one in rows]]

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        ax.set_title(f"Learning {regret.route} from few labels", loc="left", weight="bold")
        ax.axhline(0, color=INKS["muted"], lw=0.9, ls="--")
        lost = [1000 * one.regret for one in rows]
        ax.errorbar(places, lost, yerr=spread, color=INKS["router"], fmt="o-", ms=5, lw=1.6, elinewidth=1.2)
        ax.set_xticks(places, [f"{one.labels:,}" for one in rows])
        ax.set_xlabel("labels of the new route")
        ax.set_ylabel("correct answers lost per 1,000")
        ax.grid(True, axis="y", color=INKS["grid"], lw=0.7)

    return drawn(10.4, 3.2, draw)
