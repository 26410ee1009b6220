"""A guessing game: real or fake? The reader plays beside a rival, item by item.

Everything is there beforehand: the images, which of them are real, and what the rival
answers. The output is plain HTML that needs no library and works from a file. Without
scripts, and on paper, it is a sheet of all images.
"""

import html
import json
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Rules for the screen turn the sheet into a game once the script has set `dgm-on`.
# Paper stays paper in a dark page.
STYLE = """
.dgm-game .dgm-pages{counter-reset:dgm-page;display:grid;gap:.6rem;
grid-template-columns:repeat(auto-fill,minmax(3.5rem,1fr))}
.dgm-game .dgm-pages>div::before{content:counter(dgm-page);
counter-increment:dgm-page;font-size:.8rem}
.dgm-game svg{background:#f4f5f2;border:1px solid #767676;display:block;fill:#16181d;
forced-color-adjust:none;height:auto;width:100%}
.dgm-game button{background:transparent;border:1px solid currentColor;
border-radius:.4rem;color:inherit;cursor:pointer;font:inherit;min-height:2.75rem;
min-width:5.5rem;padding:.3rem 1rem}
.dgm-game button[aria-disabled=true]{border-style:dashed;cursor:default}
.dgm-game :is(.dgm-score,.dgm-buttons,.dgm-said){display:none}
@media screen{
.dgm-game.dgm-on :is(.dgm-off,.dgm-truth,.dgm-pages>div){display:none}
.dgm-game.dgm-on .dgm-pages>.dgm-now{display:block}
.dgm-game.dgm-on .dgm-pages>div::before{content:none}
.dgm-game.dgm-on .dgm-pages{display:block;width:10rem}
.dgm-game.dgm-on .dgm-table{align-items:center;display:flex;flex-wrap:wrap;gap:1.5rem}
.dgm-game.dgm-on .dgm-score{display:block;font-variant-numeric:tabular-nums}
.dgm-game.dgm-on .dgm-said{display:block;flex:1 0 100%;margin:0;min-height:3.2em}
.dgm-game.dgm-on .dgm-score span{white-space:nowrap}
.dgm-game.dgm-on .dgm-buttons{display:flex;flex-wrap:wrap;gap:.8rem;margin-top:.8rem}
@media (max-width:480px){.dgm-game.dgm-on .dgm-said{min-height:6.4em}}
}
@media print{.dgm-game .dgm-truth{display:none}}
"""
# Starts every game of the page that does not run yet: where a script stands is not
# known in all notebooks. Buttons keep the focus; once the deck is through, the first
# two say that they do nothing. A key held down answers once.
SCRIPT = """
for (const game of document.querySelectorAll('figure.dgm-game')) {
  if (game.dgmRuns) continue;
  game.dgmRuns = true;
  const {name, best} = game.dataset, deck = JSON.parse(game.dataset.deck);
  const one = c => game.querySelector('.dgm-' + c), word = r => r ? 'real' : 'fake';
  const buttons = [...game.querySelectorAll('button')], count = deck.length;
  let at, mine, rival;
  const verdict = () => {
    const by = Math.abs(mine - rival), images = by + (by > 1 ? ' images' : ' image');
    const limit = `on average nobody does better than ${best}.`;
    if (mine > rival)
      return `${name} lost to you by ${images}: luck can do that, but ${limit}`;
    if (mine === rival) return `${name} was right as often as you: ${limit}`;
    if (2 * mine <= count)
      return `${name} won by ${images}: on average, a coin does no worse than you.`;
    return `${name} won by ${images}: ${limit}`;
  };
  const show = said => {
    const over = at === count;
    [...one('pages').children].forEach((page, k) =>
      page.classList.toggle('dgm-now', k === Math.min(at, count - 1)));
    one('mine').textContent = `${mine} of ${at}`;
    one('rival').textContent = `${rival} of ${at}`;
    one('said').textContent = said +
      (over ? `That was the last one. ${verdict()}` : `Image ${at + 1} of ${count}.`);
    buttons.slice(0, 2).forEach(b => b.setAttribute('aria-disabled', over));
  };
  const start = () => { at = mine = rival = 0; show(''); };
  const guess = answer => {
    if (at === count) return;
    const [real, other] = deck[at++];
    mine += answer === real;
    rival += other === real;
    show(`${answer === real ? 'Right' : 'Wrong'}: it was ${word(real)}. ` +
      `${name} said ${word(other)}. `);
  };
  buttons.forEach((b, k) =>
    b.addEventListener('click', () => k < 2 ? guess(1 - k) : start()));
  one('buttons').addEventListener('keydown', event => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key], n = buttons.length;
    if (step) {
      buttons[(buttons.indexOf(event.target) + step + n) % n].focus();
      event.stopPropagation();
    }
    if (step || event.key === 'Enter' && event.repeat) event.preventDefault();
  });
  game.classList.add('dgm-on');
  start();
}
"""


def play_game(
    images: Float[Tensor, "n height width"],
    real: Bool[Tensor, " n"],
    rival: Bool[Tensor, " n"],
    *,
    name: str,
    best: str,
    words: Sequence[str],
    caption: str = "",
) -> Any:
    """Show images one by one; the reader says of each whether it is real.

    Args:
        images: 0 for paper and 1 for ink.
        real: whether an image is real.
        rival: whether the rival takes it for real.
        name: of the rival, as a sentence begins with it.
        best: what the best possible player reaches on average, as in "71 %".
        words: what each image shows, for readers who do not see it; not whether it is
            real.
        caption: what to do, in plain text.

    Returns:
        Something a notebook displays.

    Raises:
        ValueError: if there are no images, not one answer and text for each, answers
            that are not boolean, an empty text, or pixels that are neither paper nor
            ink.
    """
    from IPython.display import HTML

    _check(images, words, real=real, rival=rival)
    for what, text in {"name": name, "best": best}.items():
        if not text.strip():
            raise ValueError(f"{what} is {text!r}: the game says it, so give a text.")
    deck = [[int(a), int(b)] for a, b in zip(real, rival, strict=True)]
    told = html.escape(json.dumps(deck, separators=(",", ":")))
    rival_name = html.escape(name)
    return HTML(
        f'<figure class="dgm-game" data-deck="{told}" data-name="{rival_name}" '
        f'data-best="{html.escape(best)}"><style>{STYLE}</style>'
        f'<p class="dgm-off">The {len(deck)} images of the game, in order. Playing '
        'needs a screen and JavaScript.</p><div class="dgm-table" aria-live="polite">'
        f'<div class="dgm-pages">{_pages(images, words)}</div><div class="dgm-score">'
        '<div>You: <span class="dgm-mine">0 of 0</span></div>'
        f'<div>{rival_name}: <span class="dgm-rival">0 of 0</span></div>'
        f"<div>Best possible, on average: {html.escape(best)}</div></div>"
        '<p class="dgm-said"></p></div>'
        '<div class="dgm-buttons" role="group" aria-label="Your answer">'
        '<button type="button">real</button><button type="button">fake</button>'
        '<button type="button">start again</button></div>'
        f'<details class="dgm-truth"><summary>Which images are real?</summary>'
        f"Real: {_numbers(real)}. {rival_name} says real: {_numbers(rival)}.</details>"
        f"<figcaption>{html.escape(caption)}</figcaption>"
        f"<script>{SCRIPT}</script></figure>"
    )


def _check(images: Tensor, words: Sequence[str], **answers: Tensor) -> None:
    _check_images(images)
    lengths = {"words": len(words)} | {key: len(told) for key, told in answers.items()}
    for key, length in lengths.items():
        if length != len(images):
            raise ValueError(
                f"{length} of '{key}' for {len(images)} images: give one for each."
            )
    for key, told in answers.items():
        if told.ndim != 1 or told.dtype != torch.bool:
            raise ValueError(
                f"'{key}' is {told.dtype} of shape {tuple(told.shape)}: give one True "
                "or False for each image, as `p > 0.5` does."
            )
    if not all(says.strip() for says in words):
        raise ValueError(f"an empty text in {words}: say what each image shows.")


def _check_images(images: Tensor) -> None:
    if images.ndim != 3 or not images.numel():
        raise ValueError(
            f"images of shape {tuple(images.shape)}: give (n, height, width) with at "
            "least one image of at least one pixel."
        )
    odd = images[(images != 0) & (images != 1)]
    if len(odd):
        mend = "binarize the images first" if odd.isfinite().all() else "mend it first"
        raise ValueError(f"a pixel is {odd[0]:g}, neither 0 nor 1: {mend}.")


def _pages(images: Float[Tensor, "n height width"], words: Sequence[str]) -> str:
    pairs = enumerate(zip(images, words, strict=True), 1)
    return "".join(_drawn(image, f"Image {k}: {says}") for k, (image, says) in pairs)


def _drawn(image: Float[Tensor, "height width"], says: str) -> str:
    height, width = image.shape
    ink = "".join(f"M{x} {y}h1v1h-1z" for y, x in image.nonzero().tolist())
    return (
        f'<div><svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(says)}" shape-rendering="crispEdges">'
        f'<path d="{ink}"/></svg></div>'
    )


def _numbers(answers: Bool[Tensor, " n"]) -> str:
    """The numbers of the images with answer yes, counted from 1."""
    return ", ".join(str(k) for k, yes in enumerate(answers, 1) if yes) or "none"
