"""Rendered characters: ink, place, turn and size against the font and the factors."""

import math

import numpy as np
import pytest
import torch
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font

from dgm.data import glyphs
from dgm.data.glyphs import Factors

GREYS = 1001  # levels fine enough for measuring


def factors(character, bold=0, angle=0.0, scale=0.6, shift=(0.0, 0.0)):
    """Factors of several images; what is one number holds for all of them."""
    character = torch.as_tensor(character)
    n = len(character)
    return Factors(
        character,
        torch.as_tensor(bold).expand(n),
        torch.as_tensor(angle, dtype=torch.float32).expand(n),
        torch.as_tensor(scale, dtype=torch.float32).expand(n),
        torch.as_tensor(shift, dtype=torch.float32).expand(n, 2),
    )


def ink(images):
    """Covered area, centre and covariance (right, up) of each image, in pixels."""
    grey = images.double() / (GREYS - 1)
    height, width = grey.shape[1:]
    x = torch.arange(width).double() - (width - 1) / 2
    y = (height - 1) / 2 - torch.arange(height).double()
    area = grey.sum((1, 2))
    points = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], 2)
    weight = grey / area[:, None, None]
    centre = torch.einsum("nhw,hwa->na", weight, points)
    offset = points - centre[:, None, None]
    return area, centre, torch.einsum("nhw,nhwa,nhwb->nab", weight, offset, offset)


def drawn(*numbers, **which):
    return glyphs.render(factors(*numbers, **which), size=32, levels=GREYS)


def normalised(bitmap):
    """A bitmap stretched from its bounding box to 40 by 40 pixels."""
    dark = bitmap > 0.5
    bitmap = bitmap[np.ix_(dark.any(1), dark.any(0))]
    rows, columns = (((np.arange(40) + 0.5) / 40 * n).astype(int) for n in bitmap.shape)
    return bitmap[np.ix_(rows, columns)]


def bitmap_of(character, font_name):
    """The bitmap that matplotlib's font library draws by itself."""
    font = FT2Font(f"{get_data_path()}/fonts/ttf/{font_name}")
    font.set_size(100, 72)
    font.set_text(character)
    font.draw_glyphs_to_bitmap()
    return np.asarray(font.get_image()) / 255


def test_shapes_are_the_fonts_own_bitmaps():
    alone = factors(torch.arange(10).repeat(2), [0] * 10 + [1] * 10, scale=1.0)
    ours = glyphs.render(alone, size=64, levels=GREYS).numpy() / (GREYS - 1)
    fonts = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
    theirs = [bitmap_of(char, font) for font in fonts for char in "0123456789"]
    a, b = (np.stack([normalised(m) for m in maps]) for maps in (ours, theirs))
    apart = np.abs(a[:, None] - b[None]).mean((2, 3))
    assert (apart.argmin(1) == np.arange(20)).all()
    assert apart.diagonal().max() < 0.09 < np.sort(apart, 1)[:, 1].min()
    for pair in zip(ours, theirs, strict=True):
        one, other = ((m > 0.5).any(1).sum() / (m > 0.5).any(0).sum() for m in pair)
        assert one == pytest.approx(other, rel=0.06)


def test_another_character_would_be_noticed():
    three, eight = drawn([3, 8]).double() / (GREYS - 1)
    assert (three - eight).abs().mean() > 0.01


TEN = torch.arange(10)
MANY = TEN.repeat(20)
rng = torch.Generator().manual_seed(0)


def uniform(low, high, *shape):
    return low + (high - low) * torch.rand(len(MANY), *shape, generator=rng)


def test_shift_moves_the_centre_to_the_right_and_upwards():
    shift = uniform(-0.15, 0.15, 2)
    _, start, _ = ink(drawn(MANY))
    _, end, _ = ink(drawn(MANY, shift=shift))
    torch.testing.assert_close(end - start, 32.0 * shift.double(), rtol=0, atol=0.1)


def test_ink_grows_with_the_square_of_the_scale():
    scale = uniform(0.4, 1.0)
    ratio = ink(drawn(MANY, scale=scale))[0] / ink(drawn(MANY, scale=1.0))[0]
    torch.testing.assert_close(ratio, scale.double() ** 2, rtol=0.03, atol=0)


def test_angle_turns_the_covariance_anticlockwise():
    angle = uniform(-90, 90)
    _, centre, upright = ink(drawn(MANY))
    _, turned_centre, turned = ink(drawn(MANY, angle=angle))
    cos, sin = angle.deg2rad().cos().double(), angle.deg2rad().sin().double()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    torch.testing.assert_close(turn @ upright @ turn.mT, turned, rtol=0.02, atol=0.2)
    expected = (turn @ centre.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(expected, turned_centre, rtol=0, atol=0.1)


def test_largest_character_touches_the_border_at_scale_one():
    tall, small = drawn([0], scale=1.0)[0], drawn([0], scale=0.5)[0]
    assert tall[0].any() and tall[-1].any()
    assert not small[:7].any() and not small[-7:].any() and small[8].any()


def test_bold_has_more_ink():
    assert (ink(drawn(TEN, bold=1))[0] > 1.15 * ink(drawn(TEN))[0]).all()


def test_holes_stay_open():
    zero = drawn([0], scale=1.0)[0]
    assert zero[16, 16] == 0 and zero[16].max() == GREYS - 1


def test_factors_are_uniform_independent_and_seeded():
    seeded, again = (
        glyphs.draw(20_000, 5, 30.0, (0.5, 0.7), 0.1, torch.Generator().manual_seed(0))
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(seeded, again, strict=True))
    ranges = {
        "angle": (seeded.angle, -30, 30),
        "scale": (seeded.scale, 0.5, 0.7),
        "right": (seeded.shift[:, 0], -0.1, 0.1),
        "up": (seeded.shift[:, 1], -0.1, 0.1),
    }
    five = 5 / math.sqrt(20_000)  # standard errors
    for value, low, high in ranges.values():
        assert low <= value.min() and value.max() <= high
        unit = (value - low) / (high - low)
        assert abs(unit.mean() - 0.5) < five / math.sqrt(12)
        assert abs(unit.var() - 1 / 12) < five * math.sqrt(1 / 180)
    columns = [v for v, _, _ in ranges.values()]
    table = torch.stack([*columns, seeded.character.float(), seeded.bold.float()])
    assert (table.corrcoef() - torch.eye(6)).abs().max() < five
    counts = torch.bincount(seeded.character, minlength=5) / 20_000
    assert (counts - 0.2).abs().max() < five * math.sqrt(0.16)
    assert abs(seeded.bold.float().mean() - 0.5) < five / 2


def test_images_are_grey_levels_of_the_size_and_alphabet():
    drawn = glyphs.draw(40, 3, generator=torch.Generator().manual_seed(0))
    images = glyphs.render(drawn, "abW", size=9, levels=4)
    assert images.shape == (40, 9, 9) and images.dtype == torch.int64
    assert images.min() == 0 and images.max() == 3
    assert images.flatten(1).any(1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: glyphs.render(factors([0], scale=0.0)), "scale is 0"),
        (lambda: glyphs.render(factors([0]), "\U0010fffd"), "has no character"),
        (lambda: glyphs.render(factors([0]), " "), "leaves no ink"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
