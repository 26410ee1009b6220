"""NLL against seconds of training, for the likelihood models of the book.

    python benchmarks/frontier.py

Every model of ``contenders.py`` is trained by its lecture's own functions for several
numbers of updates, from several seeds, on one thread. Each length is a training of
its own, since step sizes fall to zero at the end. ``seconds`` are CPU seconds of the
training alone, with no score in them. All lengths are scored on the validation images
and on the test images of the digits; choices (which length, what lies on the frontier)
are made on the validation images only.

A run that is in the result file and was made by the present code is kept and not made
again. So an interrupted benchmark goes on where it stopped, and one with ``--seeds 1``
or ``--lengths 2`` grows when the command is given without. Remove the file to measure
everything anew.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from contenders import CONTENDERS, Contender, Exam
from recording import key_of, load, options, result, write

from dgm import data
from dgm.data.images import ImageData
from dgm.training import reproducible

Run = dict[str, Any]
Name = tuple[str, str, int, int, str]


def plan(seeds: int, lengths: int) -> list[Run]:
    """What is to be run: all models' shortest training first, one seed first."""
    return [
        {"place": place, "updates": contender.updates[length], "seed": seed}
        for seed in range(seeds)
        for length in range(lengths)
        for place, contender in enumerate(CONTENDERS)
        if length < len(contender.updates)
        if contender.updates != (0,) or seed == 0  # counting needs no chance
    ]


def fingerprint(contender: Contender) -> str:
    """Of a contender's code, and of what it takes from its lecture."""
    return key_of(contender.source(), {"of": contender.lecture})


@torch.no_grad()
def scores(
    contender: Contender, of: Any, model: Any, images: ImageData, smoke: bool
) -> Run:
    """Mean nats of both parts."""
    found = {}
    for part in ("valid", "test"):
        exam = Exam(images, getattr(images, part).x)
        if smoke:
            exam = exam._replace(x=exam.x[:8], draws=2, temperatures=5, chains=10)
        nats = contender.score(of, model, exam)
        for kind, values in nats.items():
            found[f"{part}_{kind}"] = values.double().mean().item()
    return found


def run(contender: Contender, updates: int, seed: int, smoke: bool) -> Run:
    """Train, measured, and score, not measured; before that, warm up."""
    of, images = load(contender.lecture), data.load("digits", binary=contender.bits)
    torch.set_num_threads(1)
    contender.train(of, images, min(4, updates))
    reproducible(seed)
    begin = time.process_time()
    model = contender.train(of, images, updates)
    seconds = time.process_time() - begin
    is_module = isinstance(model, torch.nn.Module)
    tensors = model.parameters() if is_module else [model]
    return {
        "model": contender.name,
        "data": "bits" if contender.bits else "grey",
        "lecture": contender.lecture,
        "updates": updates,
        "seed": seed,
        "seconds": round(seconds, 4),
        "parameters": sum(t.numel() for t in tensors),
        **scores(contender, of, model, images, smoke),
    }


def name_of(r: Run) -> Name:
    """What a run is a run of, and the code that made it."""
    return r["model"], r["data"], r["updates"], r["seed"], r["fingerprint"]


def done_before(path: Path, keys: list[str]) -> dict[Name, Run]:
    """Runs of the result file that the present code made."""
    try:
        runs = json.loads(path.read_text("utf8"))["runs"]
    except (OSError, ValueError, KeyError):
        return {}
    return {name_of(r): r for r in runs if r["fingerprint"] in keys}


def whole(keys: list[str]) -> str:
    """One fingerprint of all contenders."""
    return hashlib.sha256("".join(keys).encode()).hexdigest()[:32]


def main() -> None:
    """Run what is missing; write after each run."""
    parser = options("frontier", __doc__)
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument(
        "--lengths", type=int, default=3, metavar="N", help="only the N shortest"
    )
    chosen = parser.parse_args()
    seeds, lengths = (1, 1) if chosen.smoke else (chosen.seeds, chosen.lengths)
    keys = ["smoke" if chosen.smoke else fingerprint(c) for c in CONTENDERS]
    runs = done_before(chosen.out, keys)
    settings = {n: Exam._field_defaults[n] for n in ("draws", "temperatures", "chains")}
    settings |= {"seeds": seeds, "lengths": lengths}
    os.environ["DGM_BOOK"] = "1"  # no bars
    for one in plan(seeds, lengths):
        contender, key = CONTENDERS[one["place"]], keys[one["place"]]
        updates = min(4, one["updates"]) if chosen.smoke else one["updates"]
        part = "bits" if contender.bits else "grey"
        name = (contender.name, part, updates, one["seed"], key)
        if name not in runs:
            found = run(contender, updates, one["seed"], chosen.smoke)
            print(found, flush=True)
            runs[name] = found | {"fingerprint": key}
            inside = list(runs.values())
            write(chosen.out, result("frontier", "not finished", settings, inside))
    order = [(c.name, "bits" if c.bits else "grey") for c in CONTENDERS]
    kept = sorted(runs, key=lambda name: (order.index(name[:2]), *name[2:4]))
    found = result("frontier", whole(keys), settings, [runs[name] for name in kept])
    write(chosen.out, found)


if __name__ == "__main__":
    main()
