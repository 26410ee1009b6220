"""Tests that must fail: who passes one has forged the answer.

Tests run in the student's own process, so code in it can reply as it likes. But it can
hardly tell which test is a decoy: each is one of the master's tests, with a sentence in
it that no honest process gets past.
"""

import random
import re
from collections.abc import Iterable

from dgm.course.grading.notebooks import Written

FIRST = (
    "assert {a} == {b}",
    "assert abs({a}.5 - {b}) < 1e-6",
    "assert [{a}, {b}] == [{b}, {a}]",
    "raise ValueError({a})",
    "class Equal:\n    def __eq__(self, other): return True\nassert Equal() == {a}",
)
NUMPY = (
    "import numpy\nnumpy.testing.assert_allclose({a}, {b})",
    "import numpy\nassert numpy.allclose([{a}.0], [{b}.0])",
)
TORCH = (
    "import torch\ntorch.testing.assert_close(torch.tensor({a}), torch.tensor({b}))",
    "import torch\nassert torch.equal(torch.tensor([{a}]), torch.tensor([{b}]))",
    "import torch\nassert torch.allclose(torch.ones(2) * {a}, torch.ones(2) * {b})",
)
# What an answer hardly needs, and a forger does.
UNUSUAL = re.compile(
    r"_getframe|\b(?:f_back|f_globals|f_locals|tb_frame|gi_frame|currentframe)\b"
    r"|\bgc\.get_\w+|\bctypes\b|\bsettrace\b|\bsetprofile\b|\bsys\.monitoring\b"
    r"|__subclasses__|__globals__|__code__|__closure__|__builtins__|__dgm_\w*"
    r"|/proc/|\bos\.(?:dup2?|write|fork|_exit|kill)\b|\bmarshal\b|\bmeta_path\b"
    r"|\baddaudithook\b|\bsys\.modules\b|\bunittest\.mock\b|\bimport signal\b"
)
_draw = random.SystemRandom()


def deck(imports: Iterable[str]) -> list[str]:
    """Sentences that fail, in random order."""
    roots = {name.partition(".")[0] for name in imports}
    known = FIRST + (NUMPY if "numpy" in roots else ())
    known += TORCH if "torch" in roots else ()
    return _draw.sample(known, len(known))


def before(source: str, sentence: str) -> str:
    """A test that fails in its first line: nothing of the student's runs in it."""
    return _filled((sentence,)) + "\n" + source


def after(source: str) -> str:
    """A test that fails in its last line, when all of the answer has run."""
    return source + "\n" + _filled(FIRST[:4])


def first() -> bool:
    """Whether a decoy comes before its test, or after it."""
    return _draw.random() < 0.5


def _filled(templates: tuple[str, ...]) -> str:
    a, b = _draw.sample(range(2, 100), 2)
    return _draw.choice(templates).format(a=a, b=b)


def unusual(cells: Iterable[Written], master: str) -> str:
    """Words in a submission's code for the instructor to look at; empty if none."""
    usual = set(UNUSUAL.findall(master))
    found = {word for c in cells if c.code for word in UNUSUAL.findall(c.source)}
    return " ".join(sorted(found - usual)[:8])
