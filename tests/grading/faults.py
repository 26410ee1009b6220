"""What students hand in, by accident or not, and what each of them must score.

The tests of the small problem set give 2 (squares), 3 (log_mean_exp), 3 (layer) and 2
(midpoints) points. ``{outside}`` in a source stands for a folder that must not change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from handed_in import (
    Book,
    answering,
    cell,
    code,
    position,
    solved,
    stripped,
    untouched,
    version_3,
    with_cell,
)

RIGHT = "\n    return float(np.square(x).sum())\n"
SQUARES = "# answer: squares\ndef squares(x):"
WRONG = SQUARES + "\n    return 25.0\n"


@dataclass(frozen=True)
class Fault:
    """One submission: files by name, the mark, and words that the row must have."""

    mark: float
    content: Callable[[], Any]
    words: tuple[str, ...] = ()
    files: dict[str, Callable[[], Any]] = field(default_factory=dict)
    slow: float = 0.0


def squares(body: str, top: str = "", after: str = "") -> Callable[[], Book]:
    """A right submission but for the body of ``squares``, or what stands around it."""
    return lambda: answering("squares", f"{top}\n{SQUARES}{body}{after}")


def then(source: str, before: str = "test_squares", wrong: bool = False):
    """A submission, right or with a wrong first answer, with a cell of its own."""
    return lambda: with_cell(
        source, before, answering("squares", WRONG) if wrong else None
    )


def half() -> Book:
    book = untouched()
    for name in ("squares", "layer"):
        cell(book, name)["source"] = cell(solved(), name)["source"]
    return book


def without_tests() -> Book:
    book = solved()
    book["cells"] = [
        c for c in book["cells"] if not c["metadata"].get("nbgrader", {}).get("locked")
    ]
    return book


def edited_test() -> Book:
    book = answering("squares", WRONG)
    cell(book, "test_squares")["source"] = "assert True"
    return book


def edited_points() -> Book:
    book = answering("squares", WRONG)
    for one in book["cells"]:
        if one["metadata"].get("nbgrader", {}).get("points"):
            one["metadata"]["nbgrader"]["points"] = 100
    return book


def duplicated() -> Book:
    book = solved()
    copied = cell(book, "squares")
    book["cells"].insert(position(book, "squares") + 1, dict(copied))
    book["cells"].append(dict(cell(book, "test_layer")))
    return book


def moved() -> Book:
    book = untouched()
    answers = [cell(solved(), n)["source"] for n in ("squares", "log_mean_exp")]
    at = position(book, "squares")
    book["cells"].insert(at + 1, code("\n\n".join(answers)))
    for name in ("layer", "midpoints"):
        bare = "\n".join(cell(solved(), name)["source"].split("\n")[1:])  # no marker
        book["cells"].insert(position(book, name), code(bare))
    return book


def colab() -> Book:
    book = solved()
    book["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3"}}
    for number, one in enumerate(book["cells"]):
        kept = {k: v for k, v in one["metadata"].items() if k == "nbgrader"}
        one["metadata"] = kept | {"id": f"x{number}", "outputId": "y", "colab": {}}
        one["source"] = one["source"].splitlines(keepends=True)
        one.pop("id", None)
    return book


def other_kernel() -> Book:
    return solved() | {"metadata": {"kernelspec": {"name": "ir", "language": "R"}}}


def script() -> Book:
    text = "<!-- answer: why -->\n<script>alert(1)</script><img src=x onerror=alert(2)>"
    return answering("why", text)


def huge() -> Book:
    book = solved()
    text = {"output_type": "stream", "name": "stdout", "text": "x" * 30_000_000}
    cell(book, "squares")["outputs"] = [text]
    return book


EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0

# answer: midpoints
def midpoints(count):
    return [Equal()] * (count - 1)
"""
LIAR = """
class Liar(list):
    def __getattribute__(self, name): return lambda *a: True
    __class__ = float
    def __len__(self): return 10
    def __iter__(self): return iter([Near()] * 2)
    def __eq__(self, other): return True

class Near(float):
    def __sub__(self, other): return 0.0

# answer: midpoints
def midpoints(count):
    return Liar()
"""
TENSOR = """
class Agrees(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("isclose", "eq"):
            return torch.ones(1, dtype=torch.bool)
        return super().__torch_function__(function, types, args, kwargs or {})

# answer: log_mean_exp
def log_mean_exp(x):
    return torch.zeros(()).as_subclass(Agrees)
"""
PATCHES = """
nothing = lambda *args, **kwargs: None
np.testing.assert_allclose = nothing
torch.testing.assert_close = nothing
import numpy.testing._private.utils as utils
utils.assert_allclose = nothing
"""
CODE = """
def nothing(*args, **kwargs): pass
np.testing.assert_allclose.__code__ = nothing.__code__
torch.testing.assert_close.__code__ = nothing.__code__
"""
BUILTINS = """
import builtins
builtins.abs = lambda x: 0
list = lambda x: [0.5]
len = lambda x: 10
# answer: midpoints
def midpoints(count):
    return [1.0] * 2
"""
TENSORS = """
torch.equal = lambda *args: True
torch.Tensor.item = lambda self: 6
torch.Tensor.__eq__ = lambda self, other: torch.tensor(True)
# answer: layer
class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.scale * x * 7
"""
FAKE = """
class Fake:
    def __getattr__(self, name): return Fake()
    def __call__(self, *args, **kwargs): return Fake()
    def __eq__(self, other): return True
np = torch = Fake()
"""
HOOKS = """
import ast
shell = get_ipython()
shell.input_transformers_post.append(
    lambda lines: [l.replace("assert ", "True or ") for l in lines])
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
shell.ast_transformers.append(Drop())
shell.events.register("pre_run_cell", lambda info: None)
type(shell).run_cell = lambda self, *a, **k: None
ast.parse = lambda *a, **k: 1 / 0
"""
PEEK = f"""
import pathlib, subprocess
seen = []
for root in ("/", "{{outside}}", ".."):
    for path in pathlib.Path(root).rglob("*"):
        if path.name in ("mini.md", "mini.ipynb", "records", "submissions"):
            seen.append(path)
for path in ("{{outside}}/solutions/mini.md", "{{outside}}/keep.txt"):
    try:
        seen.append(open(path).read())
    except OSError:
        pass
{SQUARES}
    return 0.0 if not seen else float(np.square(x).sum())
"""
DELETE = f"""
import os, shutil, sys
import dgm
changed = []
for root in ("{{outside}}", os.path.dirname(dgm.__file__), sys.prefix + "/bin"):
    shutil.rmtree(root, ignore_errors=True)
    try:
        open(os.path.join(root, "poison.py"), "w").write("x")
        changed.append(root)
    except OSError:
        pass
open("/tmp/mine", "w").write("my own folder may be written")
{SQUARES}
    return 0.0 if changed else float(np.square(x).sum())
"""
SOCKET = f"""
import socket, urllib.request
opened = []
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        opened.append(socket.socket(family))
    except OSError:
        pass
try:
    opened.append(urllib.request.urlopen("http://pypi.org", timeout=3))
except OSError:
    pass
{SQUARES}
    return 0.0 if opened else float(np.square(x).sum())
"""
NAMESPACE = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
got = [libc.unshare(flag) for flag in (0x10000000, 0x20000000, 0x40000000)]
got.append(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
got.append(libc.shmget(0, 1 << 30, 0o1600))
{SQUARES}
    return 0.0 if max(got) >= 0 or os.getuid() == 0 else float(np.square(x).sum())
"""
STRAY = """
import os, subprocess
subprocess.Popen(["sleep", "4321"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "4321"])
    os._exit(0)
"""
FILL = f"""
written = 0
try:
    for number in range(50):
        with open(f"/tmp/fill{{number}}", "wb") as file:
            for _ in range(100):
                written += file.write(bytes(1_000_000))
except OSError:
    pass
{SQUARES}
    return 0.0 if written > 500_000_000 else float(np.square(x).sum())
"""
FORGE = """
import os
for number in range(3, 30):
    try:
        os.write(number, b"0123456789abcdef" * 2 + b"\\tok\\n")
    except OSError:
        pass
"""
STATE = """
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
np.random.seed(1)
np.seterr(all="raise")
torch.set_grad_enabled(False)
import warnings
warnings.simplefilter("error")
"""
FAULTS: dict[str, Fault] = {
    "correct": Fault(10, solved),
    "half right": Fault(5, half),
    "untouched": Fault(0, untouched, ("nothing answered",)),
    "infinite loop in an answer": Fault(8, squares("\n    while True: pass"), slow=1),
    "infinite loop in a cell": Fault(8, squares(RIGHT, "while True: pass"), slow=1),
    "ignores the interrupt": Fault(
        8,
        squares(
            "\n    while True:\n        try:\n            while True: sum(range(99))"
            "\n        except BaseException: pass"
        ),
        ("would not stop",),
        slow=2,
    ),
    "sys.exit in an answer": Fault(8, squares("\n    import sys; sys.exit(0)")),
    "sys.exit in a cell": Fault(10, then("import sys; sys.exit(0)")),
    "os._exit in an answer": Fault(
        8, squares("\n    import os; os._exit(0)"), ("ended by itself",)
    ),
    "os._exit in a cell": Fault(
        10, then("import os; os._exit(0)"), ("ended by itself",)
    ),
    "kills its group": Fault(10, then("import os; os.kill(0, 9); os.kill(-1, 9)")),
    "deleted tests": Fault(10, without_tests, ("deleted test_squares",)),
    "edited tests": Fault(8, edited_test, ("edited test_squares",)),
    "edited points": Fault(8, edited_points, ("edited points of test_squares",)),
    "patched testing": Fault(
        7,
        lambda: with_cell(
            PATCHES,
            "test_log_mean_exp",
            answering("log_mean_exp", "def log_mean_exp(x): return x"),
        ),
        ("patched", "assert_close"),
    ),
    "patched code": Fault(8, then(CODE, wrong=True), ("patched", "assert_allclose")),
    "patched builtins": Fault(
        8, lambda: answering("midpoints", BUILTINS), ("patched builtins.abs",)
    ),
    "patched tensors": Fault(
        7,
        lambda: answering("layer", TENSORS),
        ("patched torch.equal", "patched torch.Tensor.item"),
    ),
    "rebinding np and torch": Fault(8, then(FAKE, wrong=True), ("patched np",)),
    "IPython hooks": Fault(8, then(HOOKS, "test_squares", wrong=True)),
    "tracing": Fault(8, then("import sys\nsys.settrace(lambda *a: None)", wrong=True)),
    "always equal": Fault(8, lambda: answering("midpoints", EQUAL)),
    "a list that lies": Fault(8, lambda: answering("midpoints", LIAR)),
    "a tensor that agrees": Fault(7, lambda: answering("log_mean_exp", TENSOR)),
    "reading the solutions": Fault(8, lambda: answering("squares", PEEK)),
    "deleting what is not its own": Fault(10, lambda: answering("squares", DELETE)),
    "50 GB": Fault(10, then("big = np.ones(50_000_000_000 // 8)")),
    "50 GB in tensors": Fault(
        8, squares("\n    return torch.ones(10**10) if len(x) else 0.0")
    ),
    "memory of many processes": Fault(
        8,
        squares(
            "\n    import os, time\n    for _ in range(8):\n"
            "        if os.fork() == 0:\n"
            "            x = b'x' * (4 * 10**8); time.sleep(60)\n"
            "    time.sleep(60)"
        ),  # slow machines end it for its time: what is said is tested in test_sandbox
        slow=2,
    ),
    "a socket": Fault(10, lambda: answering("squares", SOCKET)),
    "a namespace": Fault(10, lambda: answering("squares", NAMESPACE)),
    "prints a gigabyte": Fault(
        10, then("for _ in range(1000): print('x' * 1_000_000)")
    ),
    "prints for ever": Fault(8, squares("\n    while True: print('x' * 1000)"), slow=1),
    "a process left behind": Fault(10, then(STRAY), ("left processes behind: ",)),
    "fork bomb": Fault(
        8,
        squares(
            "\n    import os\n    while True:\n        try: os.fork()\n"
            "        except OSError: pass"
        ),
        slow=2,
    ),
    "a fork that comes back": Fault(10, then("import os; os.fork()")),
    "fills the disk": Fault(10, lambda: answering("squares", FILL)),
    "forged replies": Fault(8, then(FORGE, wrong=True), ("not asked for",)),
    "syntax error": Fault(8, squares("\n    return (x")),
    "renamed function": Fault(
        8, lambda: answering("squares", "# answer: squares\ndef sq(x):" + RIGHT)
    ),
    "input()": Fault(8, squares(RIGHT, "name = input('who? ')")),
    "endless recursion": Fault(8, squares("\n    return squares(x)")),
    "deep recursion in C": Fault(
        8,
        squares(
            "\n    import sys; sys.setrecursionlimit(10**9)"
            "\n    class C:\n        def __getattr__(self, n): return getattr(C(), n)"
            "\n    return C().y"
        ),
    ),
    "missing notebook": Fault(
        0, lambda: None, ("unreadable", "no notebook"), {"notes.pdf": lambda: b"%PDF"}
    ),
    "not JSON": Fault(0, lambda: "print('hello')", ("unreadable", "not JSON")),
    "no text": Fault(0, lambda: b"\xff\xfe\x00PK\x03\x04", ("unreadable",)),
    "empty": Fault(0, lambda: "", ("unreadable", "empty")),
    "JSON that is no notebook": Fault(
        0, lambda: '{"a": [1, 2]}', ("unreadable", "no cells")
    ),
    "JSON that is too deep": Fault(0, lambda: "[" * 200_000, ("unreadable",)),
    "nbformat 3": Fault(10, lambda: version_3(solved())),
    "ex (1)": Fault(10, lambda: None, (), {"ex (1).ipynb": solved}),
    "two notebooks": Fault(
        10,
        lambda: None,
        ("1 more notebook",),
        {"mini.ipynb": solved, "scratch.ipynb": untouched},
    ),
    "Colab": Fault(10, colab),
    "no metadata": Fault(10, lambda: stripped(solved()), ("metadata lost",)),
    "one cell duplicated": Fault(10, duplicated, ("duplicated squares",)),
    "answers moved": Fault(10, moved, ("moved squares", "moved midpoints")),
    "a warning in a test": Fault(
        10,
        squares(
            "\n    import sys, warnings\n    warnings.warn('look')"
            "\n    print('careful', file=sys.stderr)" + RIGHT
        ),
    ),
    "another kernel": Fault(10, other_kernel),
    "HTML and script": Fault(10, script),
    "30 MB": Fault(10, huge),
    'O\'Neil, "Zoë" Łukasz ∕ 李小龙': Fault(10, solved),
    "=cmd|' C calc'!A0": Fault(10, solved),
    "other seeds and dtype": Fault(10, then(STATE)),
}
