"""Words and formulas as Markdown wants them: escaped, fenced, between dollars."""

import re

SPECIAL = re.compile(r"([\\`*_$<~]|\](?=\()|&(?=[#\w]+;))")
ESCAPED = re.compile(r"\\([\\`*_$<~\]&])")
MATH = re.compile(r"((?<!\\)\$[^$]*\$)")
COMMENT = re.compile(r"(?<!\\)%.*")
# Environments that number themselves, and what stands for them between dollars.
NUMBERED = re.compile(
    r"^\s*\\begin\{(equation|align|gather|multline)\*?\}(.*)\\end\{\1\*?\}\s*$", re.S
)
WITHIN = {"align": "aligned", "gather": "gathered", "multline": "gathered"}
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}((?!\\begin).)*?\\end\{\1\}", re.S)


def display(text: str) -> str:
    """A displayed formula as it may stand between double dollars, in one line.

    A quotation's marks would else come between the lines, and Sphinx, unlike Jupyter,
    aligns lines without being told.
    """
    text = one_line(text)
    if numbered := NUMBERED.match(text):
        name = WITHIN.get(numbered[1], "")
        inner = numbered[2].strip()
        return rf"\begin{{{name}}} {inner} \end{{{name}}}" if name else inner
    rest = text
    while rest != (rest := ENVIRONMENT.sub("", rest)):
        pass
    if r"\\" in rest or re.search(r"(?<!\\)&", rest):
        return rf"\begin{{aligned}} {text} \end{{aligned}}"
    return text


def one_line(text: str) -> str:
    """TeX without comments, which would swallow what now follows them."""
    lines = (COMMENT.sub("", line) for line in text.splitlines())
    return " ".join(" ".join(lines).split())


def fence(text: str, shortest: int) -> str:
    """Backticks, more than stand anywhere in the text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(shortest, longest + 1)


def escaped(text: str) -> str:
    """Words in which Markdown finds no mark of its own."""
    return SPECIAL.sub(r"\\\1", text)
