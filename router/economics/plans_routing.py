"""Chapters on who answers: a routing mix, a classifier, a cascade, equal offers at several hosts, and effort."""

from decimal import Decimal
from itertools import accumulate

from pydantic import Field

from router.economics.effort import EffortPlan, blended, choose_efforts
from router.economics.inputs import Inputs, Share, refuse
from router.economics.meters import Call, bill
from router.economics.mix import (
    CascadePlan,
    Classifier,
    Mix,
    accuracy_to_pay,
    arbitrage,
    mix_saving,
    usd_per_correct,
)
from router.economics.plan import Chart, Figure, Plan, Table, money, share
from router.economics.priced import Model, source_note
from router.errors import InputError

_STEPS = 20


class RoutingScenario(Inputs):
    """What a mix of models saves against one model; what the classifier in front of it must reach; what a cascade
    would cost instead. Only the parts that are given are answered."""

    mix: Mix | None = None
    classifier: Classifier | None = None
    cascade: CascadePlan | None = None

    def model_post_init(self, context: object) -> None:
        if self.mix is None and self.classifier is None and self.cascade is None:
            raise refuse("mix", None, "nothing to plan", "Give [mix], [classifier] or [cascade].")


def plan_routing(scenario: RoutingScenario) -> Plan:
    parts = [
        _mix(scenario.mix) if scenario.mix else None,
        _classifier(scenario.classifier) if scenario.classifier else None,
        _cascade(scenario.cascade) if scenario.cascade else None,
    ]
    told = [one for one in parts if one is not None]
    return Plan(
        chapter="routing",
        title="Routing",
        answer=" ".join(one.answer for one in told),
        figures=tuple(figure for one in told for figure in one.figures),
        tables=tuple(table for one in told for table in one.tables),
        charts=tuple(chart for one in told for chart in one.charts),
    )


def _mix(mix: Mix) -> Plan:
    saving = mix_saving(mix)
    figures = [
        Figure("mix", saving.usd_per_call, "USD a call"),
        Figure("mix", saving.usd_per_day, "USD a day"),
        Figure("single model", saving.baseline_usd_per_day, "USD a day"),
        Figure("saved", saving.saved_usd_per_day, "USD a day"),
        Figure("saved share", saving.saved_share, "share"),
        Figure("saved in a year", saving.saved_usd_per_year, "USD"),
    ]
    if saving.p_correct is not None:
        figures.append(Figure("correct answers", saving.p_correct, "share"))
        figures.append(Figure("cost per correct answer", usd_per_correct(saving.usd_per_call, saving.p_correct), "USD"))
    rows = tuple((one.name, one.share, one.usd_per_call, saving.usd_per_day_by_leg[one.name]) for one in mix.legs)
    values = tuple(float(saving.usd_per_day_by_leg[one.name]) for one in mix.legs)
    chart = Chart("A day by class", "bars", tuple(one.name for one in mix.legs), (("USD", values),), "USD a day")
    verb = "saves" if saving.saved_usd_per_day >= 0 else "costs"
    answer = (
        f"The mix {verb} {share(abs(saving.saved_share))} against the single model, "
        f"{money(abs(saving.saved_usd_per_year))} a year."
    )
    table = Table("The mix", ("class", "share", "USD a call", "USD a day"), rows)
    return Plan("routing", "", answer, tuple(figures), (table,), (chart,))


def _classifier(classifier: Classifier) -> Plan:
    least = accuracy_to_pay(classifier)
    figures = [Figure("accuracy that pays", least, "share", "where the saving crosses zero")]
    answer = (
        "No classifier makes routing pay here." if least is None else f"A classifier pays from {share(least)} accuracy."
    )
    if classifier.accuracy is not None:
        saved = classifier.saved_usd_per_call(classifier.accuracy)
        figures.append(Figure("saved at this accuracy", saved, "USD a call", "against always the dear model"))
        answer += (
            f" At {share(classifier.accuracy)} it {'saves' if saved >= 0 else 'loses'} {money(abs(saved))} a call."
        )
    grid = tuple(accumulate([Decimal("0.5")] + [Decimal("0.025")] * _STEPS))
    values = tuple(float(classifier.saved_usd_per_call(one)) for one in grid)
    chart = Chart(
        "Saved by routing, by the classifier's accuracy",
        "lines",
        tuple(share(one) for one in grid),
        (("saved", values),),
        "USD a call",
        "accuracy",
    )
    return Plan("routing", "", answer, tuple(figures), (), (chart,))


def _cascade(cascade: CascadePlan) -> Plan:
    figures = (
        Figure("cascade", cascade.usd_per_call(), "USD a call", "cheap + judge + escalated share × dear"),
        Figure("saved share", cascade.saved_share(), "share", "of always the dear model"),
        Figure("escalations that still pay", cascade.most_escalated(), "share", "1 − (cheap + judge) ÷ dear"),
    )
    saved = cascade.saved_share()
    verb = "saves" if saved >= 0 else "costs"
    answer = (
        f"The cascade {verb} {share(abs(saved))} against always the dear model; it pays up to "
        f"{share(cascade.most_escalated())} escalations."
    )
    return Plan("routing", "", answer, figures)


class ArbitrageScenario(Inputs):
    """Hosts that offer the same quality, and a call to compare them by."""

    hosts: tuple[Model, ...] = Field(min_length=2, max_length=100)
    current: str
    call: Call = Call(input_tokens=1500, output_tokens=300)
    minimum_saved_share: Share = Decimal(0)


def plan_arbitrage(scenario: ArbitrageScenario) -> Plan:
    quotes = [one.quote() for one in scenario.hosts]
    names = [given.name or quote.name for given, quote in zip(scenario.hosts, quotes)]
    costs = [bill(quote, scenario.call).usd for quote in quotes]
    if scenario.current not in names:
        raise InputError("current", scenario.current, "not among the hosts", f"Use one of {', '.join(names)}.")
    found = arbitrage(scenario.current, list(zip(names, costs)))
    worth = found.saved_share > scenario.minimum_saved_share
    rows = tuple(sorted(zip(names, costs), key=lambda one: one[1]))
    figures = (
        Figure("cheapest", found.best_usd, "USD a call", found.best),
        Figure("in use", found.current_usd, "USD a call", scenario.current),
        Figure("saved share", found.saved_share, "share"),
    )
    answer = (
        f"Move to {found.best}: it saves {share(found.saved_share)}." if worth else f"Stay with {scenario.current}."
    )
    table = Table("The same call at every host", ("host", "USD"), rows)
    chart = Chart(
        "The same call", "bars", tuple(r[0] for r in rows), (("USD", tuple(float(r[1]) for r in rows)),), "USD"
    )
    return Plan(
        "arbitrage", "Equal offers", answer, figures, (table,), (chart,), tuple(source_note(one) for one in quotes)
    )


class EffortScenario(Inputs):
    """Which effort is worth its price for each class of query."""

    plan: EffortPlan


def plan_effort(scenario: EffortScenario) -> Plan:
    choices = choose_efforts(scenario.plan)
    usd, p_correct = blended(choices)
    rows = tuple((one.query_class, one.share, one.effort, one.usd_per_query, one.p_correct) for one in choices)
    steps = tuple(
        (
            one.query_class,
            step.effort,
            step.added_usd,
            step.added_p_correct,
            step.usd_per_extra_correct,
            _yes(step.pays),
        )
        for one in choices
        for step in one.steps
    )
    figures = (
        Figure("cost", usd, "USD a query", "blended over the classes"),
        Figure("correct answers", p_correct, "share", "blended over the classes"),
        Figure("cost per correct answer", usd_per_correct(usd, p_correct), "USD"),
    )
    chosen = "; ".join(f"{one.query_class}: {one.effort}" for one in choices)
    value = money(scenario.plan.usd_per_correct_answer)
    answer = f"At {value} per correct answer: {chosen}. Blended {money(usd)} a query, {share(p_correct)} correct."
    tables = (
        Table("The effort of each class", ("class", "share", "effort", "USD a query", "P(correct)"), rows),
        Table(
            "What each step of effort returns",
            ("class", "step to", "added USD", "added P(correct)", "USD per extra correct answer", "pays"),
            steps,
        ),
    )
    values = tuple(float(one.usd_per_query * one.share) for one in choices)
    chart = Chart(
        "Where the money goes", "bars", tuple(one.query_class for one in choices), (("USD", values),), "USD a query"
    )
    return Plan("effort", "Effort by class of query", answer, figures, tables, (chart,))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
