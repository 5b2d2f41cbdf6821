"""Blocks of code that have nothing to do with the prose around them, and prose in a block of its own.

An honest prompt speaks of its code: it shares a name with it, uses a word of the trade, or is too short to say what is
asked by itself. Blocks in a prompt that does none of this are decoration, and estimates do without them.
"""

import re

_FENCE = "```"
_WORD = re.compile(r"[^\W\d_]{3,}")
# A question that stands by itself has so many words; "Explain this." has not.
_LEAST_WORDS = 12
# Signs that code is full of and prose is not, as a share of all characters.
_SIGNS, _CODE_SHARE = frozenset("=(){}[]<>;_/*+|\\#"), 0.04


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COMMON = _set("the and for not with from that this return returns while else try raise pass true false none")
_TRADE = _set(
    "code codebase python java javascript typescript rust golang sql bash html css json yaml regex api exception "
    "traceback debug compiler syntax recursion recursive refactor async lambda decorator parser docker dict tuple "
    "markdown snippet script variable loop"
)
# words of the trade that are as much at home elsewhere: so many different ones count
_ALSO_TRADE = _set(
    "program function method class block bug error compile run execute output input print prints printed returned "
    "query database library module package import algorithm complexity implement implementation optimise optimize fix "
    "test tests unit array string integer list dictionary pointer thread parse type types line lines file config "
    "command terminal git board grid table diagram format template example"
)
_LEAST_ALSO = 3


def undressed(text: str) -> str:
    """The text without code that it does not speak of; a text without fences is returned as it is, at once."""
    if _FENCE not in text:
        return text
    prose, blocks = _parted(text)
    if not blocks:
        return text
    if not prose:
        return text if any(map(_is_code, blocks)) else "\n".join(block.strip() for block in blocks)
    words = set(_WORD.findall(prose.lower()))
    if len(prose.split()) < _LEAST_WORDS or not all(map(_is_code, blocks)):
        return text
    if words & _TRADE or len(words & _ALSO_TRADE) >= _LEAST_ALSO:
        return text
    named = {word for block in blocks for word in _WORD.findall(block.lower())} - _COMMON
    return text if words & named else prose


def _parted(text: str) -> tuple[str, list[str]]:
    """What stands outside of fences, and each block inside; no blocks where one is never closed."""
    prose: list[str] = []
    blocks: list[list[str]] = []
    inside = False
    for line in text.split("\n"):
        sign = line.strip()
        if inside and sign == _FENCE:
            inside = False
        elif not inside and sign.startswith(_FENCE) and sign.count(_FENCE) == 1:
            inside = True
            blocks.append([])
        elif inside:
            blocks[-1].append(line)
        else:
            prose.append(line)
    return ("\n".join(prose).strip(), ["\n".join(block) for block in blocks]) if not inside else (text, [])


def _is_code(block: str) -> bool:
    return sum(char in _SIGNS for char in block) >= _CODE_SHARE * max(len(block), 1)
