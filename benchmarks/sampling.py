"""Naive against incremental sampling: the same images, at two prices.

    python benchmarks/sampling.py

An autoregressive model draws an image pixel by pixel. The naive sampler makes a whole
forward pass for each of the D pixels and uses one place of what comes out. The
incremental sampler computes only what the new pixel changes. Multiplications for an
image:

- FVSBN. A pass multiplies a D x D matrix with the image: D^2. Naively D passes: D^3.
  Incrementally, a drawn pixel adds its column, of which the rows below are still
  needed, to the running log-odds: D - i at pixel i, D (D - 1) / 2 in all. Exponents 3
  and 2 in D.
- NADE with H hidden units. A pass computes D hidden layers from one running sum, D H
  multiplications by the pixels and D H by the output weights: 2 D H; naively 2 D^2 H.
  Incrementally, a pixel costs one layer's output, H, and one column, H: 2 D H in all.
  Exponents 2 and 1.
- Gated PixelCNN. A pass costs c multiplications at each of D places: c D; naively
  c D^2. With the lecture's cache, each place is computed once: c D. Exponents 2 and 1.

Exponents are fitted to CPU seconds at 144 pixels and above (log against log, least
squares), to the counts at the same sizes too. A step of Python costs some microseconds
whatever it computes: that adds a term in D, and where a step computes little the
measured exponent lies below the count's. Both samplers are given the same uniform
numbers and must draw the same images, bit by bit, or there is no result; the
log-odds of the FVSBN and of NADE must agree to rounding, in double precision.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from recording import key_of, least_seconds, load, options, result, write
from torch import Tensor

from dgm.training import reproducible

LECTURES = {"ar": "autoregressive-models", "px": "pixelrnn-pixelcnn"}
ar, px = (load(slug) for slug in LECTURES.values())
SIDES, SMALLEST_FITTED, HIDDEN = (8, 12, 16, 20, 24, 28), 144, 64
IMAGES = {"FVSBN": 64, "NADE": 16, "gated PixelCNN": 4}
Drawn = tuple[Tensor, Tensor]
"""The images, and the log-odds from which each pixel was drawn."""


@torch.no_grad()
def naive_bits(model: Any, u: Tensor) -> Drawn:
    """A whole pass for each pixel; ink where u is below its probability."""
    x, seen = torch.zeros_like(u), torch.zeros_like(u)
    for i in range(u.shape[1]):
        seen[:, i] = model.logits(x)[:, i]
        x[:, i] = (u[:, i] < seen[:, i].sigmoid()).to(u)
    return x, seen


@torch.no_grad()
def incremental_fvsbn(model: Any, u: Tensor) -> Drawn:
    """Running log-odds; a pixel with ink adds its column."""
    columns = (model.past.mask * model.past.weight).T.contiguous()
    x, seen = torch.zeros_like(u), model.past.bias.expand_as(u).clone()
    for i in range(u.shape[1]):
        x[:, i] = (u[:, i] < seen[:, i].sigmoid()).to(u)
        seen[:, i + 1 :] += x[:, i : i + 1] * columns[i, i + 1 :]
    return x, seen


@torch.no_grad()
def incremental_nade(model: Any, u: Tensor) -> Drawn:
    """The lecture's recursion, with a draw where the score reads."""
    columns = model.W.T.contiguous()
    x, seen = torch.zeros_like(u), torch.zeros_like(u)
    a = model.c.expand(len(u), -1).clone()
    for i in range(u.shape[1]):
        seen[:, i] = model.b[i] + a.relu() @ model.V[i]
        x[:, i] = (u[:, i] < seen[:, i].sigmoid()).to(u)
        a += (2 * x[:, i : i + 1] - 1) * columns[i]
    return x, seen


def samplers(name: str, side: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The naive and the incremental one, for a model with random weights."""
    reproducible(0)
    dim, count = side**2, IMAGES[name]
    if name == "gated PixelCNN":
        model = px.excited(px.GatedPixelCNN((side, side), 17))
        u, empty = torch.rand(count, side, side), torch.full((count, side, side), -1)
        return lambda: px.draw_naively(model, empty, u), lambda: px.draw(
            model, empty, u
        )
    model = ar.FVSBN(dim) if name == "FVSBN" else ar.NADE(dim, HIDDEN)
    for p in model.double().eval().requires_grad_(False).parameters():
        p.normal_(std=dim**-0.5)
    u = torch.rand(count, dim, dtype=torch.double)
    fast = incremental_fvsbn if name == "FVSBN" else incremental_nade
    return lambda: naive_bits(model, u), lambda: fast(model, u)


def counts(name: str, dim: int) -> tuple[float, float]:
    """Multiplications for an image, naive and incremental, as derived above."""
    if name == "FVSBN":
        return dim**3, dim * (dim - 1) / 2
    each = 2 * HIDDEN if name == "NADE" else 1  # the PixelCNN's: in units of c
    return each * dim**2, each * dim


def measure(name: str, side: int) -> dict[str, Any]:
    """Seconds, and that the images are the same: no seconds without that.

    Raises:
        AssertionError: if the two samplers do not draw the same images.
    """
    naive, fast = samplers(name, side)
    naive_seconds, slow_drawn = least_seconds(naive)
    fast_seconds, fast_drawn = least_seconds(fast)
    difference = 0.0
    if name != "gated PixelCNN":
        (slow_drawn, slow_logits), (fast_drawn, fast_logits) = slow_drawn, fast_drawn
        difference = (slow_logits - fast_logits).abs().max().item()
    assert torch.equal(slow_drawn, fast_drawn), f"{name}, {side}: other images"
    assert difference < 1e-9, f"{name}, {side}: log-odds differ by {difference:g}"
    expected = counts(name, side**2)
    return {
        "model": name,
        "side": side,
        "pixels": side**2,
        "images": IMAGES[name],
        "same": True,
        "ink": slow_drawn.double().mean().item(),
        "largest_difference": difference,
        "naive": naive_seconds,
        "incremental": fast_seconds,
        "naive_count": expected[0],
        "incremental_count": expected[1],
    }


def exponent(rows: Iterable[dict[str, Any]], what: str) -> float:
    """Slope of log(what) against log(pixels), by least squares."""
    kept = [r for r in rows if r["pixels"] >= SMALLEST_FITTED]
    x = torch.tensor([r["pixels"] for r in kept], dtype=torch.double).log()
    y = torch.tensor([r[what] for r in kept], dtype=torch.double).log()
    x = x - x.mean()
    return ((x * y).sum() / x.square().sum()).item()


def fingerprint() -> str:
    """Of this script, and of what it takes from lectures."""
    return key_of(Path(__file__).read_text("utf8"), LECTURES)


def main() -> None:
    """Measure, say, write."""
    chosen, key = options("sampling", __doc__).parse_args(), fingerprint()
    sides = (3, 4) if chosen.smoke else SIDES
    runs = []
    for name in IMAGES:
        for side in sides:
            runs.append(measure(name, side))
            print({k: runs[-1][k] for k in ("model", "side", "naive", "incremental")})
    settings = {"seed": 0, "hidden": HIDDEN, "fitted_from": SMALLEST_FITTED}
    write(chosen.out, result("sampling", key, settings, runs))
    for name in () if chosen.smoke else IMAGES:
        own = [r for r in runs if r["model"] == name]
        ways = ("naive", "naive_count", "incremental", "incremental_count")
        print(name, {way: round(exponent(own, way), 2) for way in ways})


if __name__ == "__main__":
    main()
