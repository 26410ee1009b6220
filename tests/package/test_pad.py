"""The pad: its sheet holds every tile at its place, and the words belong to it."""

import base64
import html
import io
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from dgm.pad import latent_pad

TILES = torch.linspace(0, 1, 9).view(3, 3, 1, 1).expand(3, 3, 2, 4)
WORDS = [f"place {k} & more" for k in range(9)]


def pad_of(tiles=TILES, words=WORDS, draw=lambda axis: None):
    alt = ("the map <here>", "the window")
    return latent_pad(tiles, draw, words, half=2.0, alt=alt, caption="a < b").data


def images_of(page):
    found = re.findall(r'src="data:image/png;base64,([^"]*)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(f)))) for f in found]


def test_the_sheet_has_every_tile_at_its_place():
    _, sheet = images_of(pad_of())
    assert sheet.shape[:2] == (6, 12)
    middles = sheet[::2, ::4, 0] / 255
    assert middles == pytest.approx(1 - TILES[..., 0, 0].numpy(), abs=0.01)
    for row, column in np.ndindex(3, 3):
        block = sheet[2 * row : 2 * row + 2, 4 * column : 4 * column + 4]
        assert (block == block[0, 0]).all()


def test_grey_is_not_stretched():
    _, sheet = images_of(pad_of(tiles=TILES / 2))
    assert sheet[..., 0].min() == pytest.approx(128, abs=1)


def test_the_map_has_the_limits_that_the_dot_assumes():
    seen = {}

    def draw(axis):
        seen["limits"] = axis.get_xlim() + axis.get_ylim()
        axis.fill_between([0, 2], 0, 2, color="black")  # the upper right quarter

    drawn, _ = images_of(pad_of(draw=draw))
    assert seen["limits"] == (-2, 2, -2, 2)
    ink = drawn[..., 3] > 128
    half = len(ink) // 2
    assert ink[: half - 1, half + 1 :].all()
    assert ink.mean() == pytest.approx(0.25, abs=0.01)
    assert plt.get_fignums() == []


def test_words_and_text_are_escaped():
    page = pad_of()
    told = re.search(r'data-words="([^"]*)"', page)[1]
    assert json.loads(html.unescape(told)) == WORDS
    assert "<p>place 4 &amp; more</p>" in page
    assert "<here>" not in page
    assert "a &lt; b" in page


@pytest.mark.parametrize(
    ("tiles", "words"),
    [(TILES[:2, :2], WORDS[:4]), (TILES[:1], WORDS[:3]), (TILES, WORDS[:8])],
)
def test_what_makes_no_square_is_refused(tiles, words):
    with pytest.raises(ValueError, match=r"an odd number, and a text for each tile"):
        pad_of(tiles, words)
