"""Real handwriting without a download: the 8x8 digits bundled with scikit-learn."""

import numpy as np
import torch

from dgm.data.images import ImageData, Part

SHAPE = (1797, 8, 8)
LEVELS = 17


def digits() -> ImageData:
    """The 1,797 handwritten digits of scikit-learn: 8x8 pixels, 17 grey levels.

    Split in file order, as other public notebooks on these images do: ``[:1000]`` to
    train, ``[1000:1350]`` to choose, ``[1350:]`` to test. Neighbours in the file often
    share a writer, so shuffling before splitting would leak writers into the test.

    Source: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*,
    UCI Machine Learning Repository, 1998 (the test part of that collection).

    Raises:
        RuntimeError: the installed scikit-learn ships other images.
    """
    # A second of start-up that only those who ask for the digits should pay.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = np.asarray(bunch.images), np.asarray(bunch.target)
    low, high = images.min(), images.max()
    if images.shape != SHAPE or (low, high) != (0, LEVELS - 1):
        raise RuntimeError(
            f"scikit-learn's digits have shape {images.shape} and grey levels {low:g} "
            f"to {high:g} instead of {SHAPE} and 0 to {LEVELS - 1}: install another "
            "version of scikit-learn (1.4 or later has them)"
        )
    x = torch.from_numpy(images.astype(np.int64))
    y = torch.from_numpy(labels.astype(np.int64))
    cuts = (slice(None, 1000), slice(1000, 1350), slice(1350, None))
    train, valid, test = (Part(x[cut], y[cut]) for cut in cuts)
    return ImageData("digits", LEVELS, train, valid, test)
