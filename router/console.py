"""What a command shows a person: progress, notes, errors. Plain lines where the output is no terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from router.errors import TierwiseError


def run_command(command: Callable[[], None]) -> int:
    """Run a command's body: 0 when it worked, 2 and one message when the input was wrong, 130 on Ctrl-C."""
    try:
        command()
    except TierwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; nothing half written was left behind", file=sys.stderr)
        return 130
    return 0


@contextmanager
def stage_progress() -> Iterator[Callable[[str, float], None]]:
    """A bar per stage. The yielded function is told (stage, share done 0..1)."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain()
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        stages: dict[str, int] = {}

        def tell(stage: str, share: float) -> None:
            if stage not in stages:
                for earlier in stages.values():
                    bars.update(earlier, completed=1.0)  # type: ignore[arg-type]
                stages[stage] = bars.add_task(stage, total=1.0)
            bars.update(stages[stage], completed=share)  # type: ignore[arg-type]

        yield tell


def _plain() -> Callable[[str, float], None]:
    """One line when a stage begins and one at each quarter of it."""
    told: dict[str, int] = {}

    def tell(stage: str, share: float) -> None:
        quarter = int(share * 4)
        if stage not in told or quarter > told[stage]:
            told[stage] = quarter
            print(f"  {stage} … {share:.0%}" if share else f"  {stage} …", file=sys.stderr, flush=True)

    return tell


def print_notes(title: str, notes: Sequence[str]) -> None:
    if notes:
        console = Console(stderr=True, highlight=False)
        console.print(f"[bold]{escape(title)}[/bold]")
        for note in notes:
            console.print(f"  • {escape(note)}", soft_wrap=True)
