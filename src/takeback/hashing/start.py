"""The first start on a machine: compile every kernel once. Later starts load them from numba's cache on disk."""

import numpy as np

from takeback.hashing import pdq, quick_luma
from takeback.hashing.regions.sets import regions_to_ask
from takeback.hashing.variants import views_to_ask
from takeback.hashing.video import luma

_SIDE_PX = 96


def warm_up() -> None:
    """Make every kernel ready before the first picture comes: many seconds the first time, about one after that."""
    pdq.warm_up()
    quick_luma.warm_up()
    luma.warm_up()
    # Noise has points that stand out, so that all of the way to a region's hash is gone.
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE_PX, _SIDE_PX, 3), dtype=np.uint8)
    for channels in (noise, noise[:, :, :1]):
        for writeable in (True, False):
            pixels = channels.copy()
            pixels.flags.writeable = writeable
            regions_to_ask(pixels)
            views_to_ask(pixels)
