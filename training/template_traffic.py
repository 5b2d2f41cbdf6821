"""Traffic made from templates: small worlds of questions with the answer that each one asks for.

The online risk model needs streams to start from, with neighbours and histories, and pairs have none. Entities repeat,
numbers, directions and negations differ by one word, and wordings vary.
"""

import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class World:
    """`slots` are what a placeholder may be; `wordings` are, for each answer, the ways to ask for it."""

    slots: dict[str, tuple[str, ...]]
    wordings: dict[str, tuple[str, ...]]


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


WORLDS = {
    "trains": World(
        {
            "a": _words(
                "Leeds | York | Bristol | Cardiff | Oxford | Dover | Exeter | Hull | Derby | Bath | Perth | Stirling"
            ),
            "d": _words("monday | tuesday | wednesday | thursday | friday | saturday | sunday"),
            "t": _words("7 | 8 | 9 | 10 | 11 | 14 | 17"),
        },
        {
            "first {a} {b}": _words(
                "when does the first train from {a} to {b} leave | "
                "what time is the earliest train from {a} to {b} | first departure {a} to {b} | "
                "earliest train to {b} from {a} | which train to {b} leaves {a} first"
            ),
            "last {a} {b}": _words(
                "when does the last train from {a} to {b} leave | "
                "what time is the latest train from {a} to {b} | last departure {a} to {b} | "
                "final train to {b} from {a}"
            ),
            "fare {a} {b}": _words(
                "how much is a ticket from {a} to {b} | what does it cost to travel from {a} to {b} | "
                "price of a ticket {a} to {b} | fare from {a} to {b} | {a} to {b} ticket price"
            ),
            "duration {a} {b}": _words(
                "how long does it take from {a} to {b} | travel time {a} to {b} | "
                "journey time between {a} and {b} | how many hours from {a} to {b}"
            ),
            "wifi {a}": _words(
                "is there wifi at {a} station | does {a} station have wireless internet | wifi in {a} station"
            ),
            "no stop {a} {b}": _words(
                "which trains from {a} do not stop at {b} | trains from {a} that skip {b} | "
                "{a} trains not stopping at {b}"
            ),
            "stop {a} {b}": _words(
                "which trains from {a} stop at {b} | trains from {a} that call at {b} | {a} trains stopping at {b}"
            ),
            "day {a} {d}": _words(
                "trains from {a} on {d} | show me {d} trains out of {a} | list trains leaving {a} on {d} | "
                "what trains depart {a} on {d}"
            ),
            "after {a} {t}": _words(
                "trains from {a} after {t} | what leaves {a} later than {t} | departures from {a} after {t} o'clock"
            ),
            "before {a} {t}": _words(
                "trains from {a} before {t} | what leaves {a} earlier than {t} | departures from {a} before {t} o'clock"
            ),
            "platform {a} {b}": _words(
                "which platform does the {a} to {b} train leave from | "
                "platform for the train from {a} to {b} | from what platform do i go from {a} to {b}"
            ),
        },
    ),
    "library": World(
        {
            "w": _words("austen | orwell | woolf | borges | calvino | morrison | achebe | tolstoy | kafka | atwood"),
            "g": _words("novels | poems | essays | plays | biographies"),
            "n": _words("2 | 3 | 5 | 10 | 1950 | 1984 | 2001"),
        },
        {
            "count {w} {g}": _words(
                "how many {g} did {w} write | number of {g} by {w} | count the {g} written by {w} | "
                "what is the number of {g} {w} wrote"
            ),
            "list {w} {g}": _words(
                "list the {g} by {w} | which {g} did {w} write | show all {g} written by {w} | {g} of {w} | "
                "what {g} has {w} written"
            ),
            "first {w}": _words(
                "what was {w} 's first book | earliest book by {w} | which book did {w} publish first | {w} debut"
            ),
            "last {w}": _words("what was {w} 's last book | final book by {w} | which book did {w} publish last"),
            "longest {w}": _words(
                "what is the longest book by {w} | which {w} book has the most pages | longest {w} book"
            ),
            "shortest {w}": _words(
                "what is the shortest book by {w} | which {w} book has the fewest pages | shortest {w} book"
            ),
            "after {w} {n}": _words(
                "books by {w} published after {n} | what did {w} publish after {n} | "
                "which {w} books came out later than {n}"
            ),
            "before {w} {n}": _words(
                "books by {w} published before {n} | what did {w} publish before {n} | "
                "which {w} books came out earlier than {n}"
            ),
            "available {w}": _words(
                "are there copies of {w} available | can i borrow {w} now | is {w} in the library right now"
            ),
            "not translated {w} {g}": _words(
                "which {g} by {w} are not translated | {w} {g} without a translation | untranslated {g} of {w}"
            ),
            "translated {w} {g}": _words(
                "which {g} by {w} are translated | {w} {g} with a translation | translated {g} of {w}"
            ),
            "older {w} {v}": _words(
                "was {w} born before {v} | is {w} older than {v} | who came first , {w} or {v} : is it {w}"
            ),
        },
    ),
    "kitchen": World(
        {
            "f": _words("rice | pasta | lentils | chicken | salmon | potatoes | beans | quinoa | eggs | squash"),
            "n": _words("2 | 3 | 4 | 6 | 8 | 12"),
            "u": _words("cups | grams | ounces | spoons"),
        },
        {
            "boil {f}": _words(
                "how long do i boil {f} | boiling time for {f} | how many minutes should {f} boil | time to boil {f}"
            ),
            "roast {f}": _words(
                "how long do i roast {f} | roasting time for {f} | how many minutes should {f} roast | "
                "time to roast {f}"
            ),
            "calories {f}": _words(
                "how many calories are in {f} | calories of {f} | what is the energy content of {f} | {f} calorie count"
            ),
            "protein {f}": _words("how much protein is in {f} | protein content of {f} | {f} grams of protein"),
            "serve {f} {n}": _words(
                "how much {f} do i need for {n} people | amount of {f} to serve {n} | "
                "{f} quantity for {n} guests | how much {f} feeds {n} persons"
            ),
            "convert {n} {u} {f}": _words(
                "how much is {n} {u} of {f} | weigh {n} {u} of {f} | what do {n} {u} of {f} weigh"
            ),
            "freeze {f}": _words("can i freeze {f} | is it ok to freeze cooked {f} | does {f} freeze well"),
            "with {f} {h}": _words(
                "recipes with {f} and {h} | what can i cook with {f} and {h} | dishes containing {f} and {h}"
            ),
            "without {f} {h}": _words(
                "recipes with {f} without {h} | what can i cook with {f} but no {h} | dishes containing {f} and not {h}"
            ),
            "replace {f} {h}": _words("can i replace {f} with {h} | use {h} instead of {f} | substitute {h} for {f}"),
        },
    ),
    "warehouse": World(
        {
            "p": _words("bolts | hinges | valves | pumps | sensors | cables | filters | gaskets | motors | relays"),
            "s": _words("depot 1 | depot 2 | depot 3 | depot 7"),
            "m": _words("january | march | may | july | october"),
            "n": _words("10 | 20 | 50 | 100 | 500"),
        },
        {
            "stock {p} {s}": _words(
                "how many {p} are in {s} | stock of {p} at {s} | count of {p} in {s} | {s} {p} inventory"
            ),
            "price {p}": _words(
                "unit price of {p} | what do {p} cost | how expensive are {p} | how much do we pay for {p}"
            ),
            "supplier {p}": _words(
                "who supplies {p} | supplier of {p} | from whom do we buy {p} | which vendor delivers {p}"
            ),
            "buyer {p}": _words("who buys {p} | customers for {p} | to whom do we sell {p} | which client orders {p}"),
            "move {s} {r}": _words(
                "move stock from {s} to {r} | transfer goods from {s} to {r} | ship everything in {s} to {r}"
            ),
            "sold {p} {m}": _words("how many {p} were sold in {m} | {m} sales of {p} | number of {p} we sold in {m}"),
            "bought {p} {m}": _words(
                "how many {p} were bought in {m} | {m} purchases of {p} | number of {p} we bought in {m}"
            ),
            "below {p} {n}": _words(
                "depots with fewer than {n} {p} | where is {p} stock under {n} | which depots hold less than {n} {p}"
            ),
            "above {p} {n}": _words(
                "depots with more than {n} {p} | where is {p} stock over {n} | which depots hold more than {n} {p}"
            ),
            "most {p}": _words(
                "which depot has the most {p} | depot with the largest {p} stock | where are most of the {p}"
            ),
            "least {p}": _words(
                "which depot has the fewest {p} | depot with the smallest {p} stock | where are the least {p}"
            ),
        },
    ),
    "helpdesk": World(
        {
            "x": _words(
                "password | email address | phone number | username | profile photo | billing address | language | "
                "time zone | two factor login | recovery code"
            ),
            "y": _words("invoice | receipt | report | backup | contact list | calendar"),
            "z": _words("csv | pdf | json | excel"),
        },
        {
            "change {x}": _words(
                "how do i change my {x} | update {x} | i want a different {x} | where can i edit my {x} | "
                "change {x} please"
            ),
            "remove {x}": _words("how do i remove my {x} | delete {x} | get rid of my {x} | where can i erase my {x}"),
            "see {x}": _words("where do i see my {x} | show my {x} | what is my current {x}"),
            "export {y} {z}": _words(
                "export {y} as {z} | how can i download my {y} in {z} format | save the {y} to {z} | get {z} of {y}"
            ),
            "import {y} {z}": _words(
                "import {y} from {z} | how can i upload my {y} in {z} format | load the {y} out of a {z} file"
            ),
            "share {y}": _words("how do i share my {y} | send {y} to a colleague | give someone access to my {y}"),
            "unshare {y}": _words("how do i stop sharing my {y} | revoke access to my {y} | make {y} private again"),
            "enable {y}": _words("turn on {y} sync | enable {y} synchronisation | how to activate {y} sync"),
            "disable {y}": _words("turn off {y} sync | disable {y} synchronisation | how to deactivate {y} sync"),
        },
    ),
}
# A second placeholder of the same kind: {b} is another {a}.
_ALIAS = {"b": "a", "v": "w", "h": "f", "r": "s"}
_OPENINGS = ("", "", "", "", "please ", "can you tell me ", "hi , ", "i want to know ", "tell me ")


def template_stream(name: str, count: int, seed: int) -> list[tuple[str, str]]:
    """`count` requests of a world as (text, answer key); some answers are asked for far more often than others."""
    world, rng = WORLDS[name], np.random.default_rng(seed)
    keys = [list(world.wordings)[i] for i in rng.permutation(len(world.wordings))]
    shares = _falling(len(keys), 0.5)
    return [_request(name, world, keys[int(rng.choice(len(keys), p=shares))], rng) for _ in range(count)]


def _falling(count: int, power: float) -> np.ndarray:
    weights = 1 / np.arange(1, count + 1) ** power
    return weights / weights.sum()


def _request(name: str, world: World, key: str, rng: np.random.Generator) -> tuple[str, str]:
    filling = _filling(world, key, rng)
    wordings = world.wordings[key]
    text = _OPENINGS[int(rng.integers(len(_OPENINGS)))] + wordings[int(rng.integers(len(wordings)))].format(**filling)
    if rng.random() < 0.5:
        text += "?" if rng.random() < 0.6 else " ?"
    if rng.random() < 0.4:
        text = text[0].upper() + text[1:]
    return text, f"{name}: {key.format(**filling)}"


def _filling(world: World, key: str, rng: np.random.Generator) -> dict[str, str]:
    filling: dict[str, str] = {}
    for slot in dict.fromkeys(re.findall(r"{(\w)}", key)):
        options = world.slots[_ALIAS.get(slot, slot)]
        shares = _falling(len(options), 1.1)
        taken = set(filling.values())
        while (choice := options[int(rng.choice(len(options), p=shares))]) in taken:
            pass
        filling[slot] = choice
    return filling
