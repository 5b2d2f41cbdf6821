"""Decoration comes off, code that is spoken of stays."""

import time

import pytest

from router.code_dress import undressed

BLOCK = "```python\ndef solve(n, memo={}):\n    return n if n < 2 else solve(n - 1) + solve(n - 2)\n```\n"
QUESTION = "A 59-year-old man complains of chest pain. Which of the following is the most appropriate next step?"


@pytest.mark.parametrize(
    "dressed", [BLOCK + QUESTION, BLOCK * 3 + QUESTION, QUESTION + "\n" + BLOCK, f"```\n{QUESTION}\n```"]
)
def test_what_the_prose_does_not_speak_of_comes_off(dressed: str) -> None:
    assert undressed(dressed) == QUESTION


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        "Explain this.\n" + BLOCK,
        "Why does my code take minutes for n = 60 although it remembers what it has seen already?\n" + BLOCK,
        "Please tell me in a few plain words what solve gives back for the number ten, and why that is so.\n" + BLOCK,
        "Is the output of the program below a list, or is it a string that merely looks like one to me?\n" + BLOCK,
        BLOCK,
        "Translate what stands here into French, and keep the tone that the author chose when she wrote it.\n"
        "```\nThe sea was calm that night, and nobody spoke.\n```",
        "an odd ``` sign, and nothing else that would make a block of it",
        "```python\nnever closed(x) = {y}\n" + QUESTION,
    ],
)
def test_an_honest_prompt_stays(text: str) -> None:
    assert undressed(text) == text


@pytest.mark.parametrize("text", ["```" * 7_000, "```a\n" * 5_000, "\n```\n" * 4_000, " " * 20_000 + "```"])
def test_no_text_makes_it_slow(text: str) -> None:
    started = time.process_time()
    undressed(text)
    assert time.process_time() - started < 0.5
