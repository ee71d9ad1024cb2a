"""Media to fingerprints.

What other rooms use is named here and loaded on first use: decoders and compiled kernels cost a second to import, which
commands that hash nothing should not pay.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from takeback.hashing.fingerprints import fingerprints_of, query_fingerprints_of
    from takeback.hashing.limits import Limits
    from takeback.hashing.picture import HashedPicture
    from takeback.hashing.preview import preview_of, reencoded
    from takeback.hashing.start import warm_up
    from takeback.hashing.video.format import container_of
    from takeback.hashing.video.hashed import AskedFrames, HashedVideo
    from takeback.hashing.video.hasher import VideoHasher
    from takeback.hashing.video.limits import VideoLimits

__all__ = [
    "AskedFrames",
    "HashedPicture",
    "HashedVideo",
    "Limits",
    "VideoHasher",
    "VideoLimits",
    "container_of",
    "fingerprints_of",
    "preview_of",
    "query_fingerprints_of",
    "reencoded",
    "warm_up",
]


def __getattr__(name: str) -> object:
    home = {
        "AskedFrames": "video.hashed",
        "HashedPicture": "picture",
        "HashedVideo": "video.hashed",
        "Limits": "limits",
        "VideoHasher": "video.hasher",
        "VideoLimits": "video.limits",
        "container_of": "video.format",
        "fingerprints_of": "fingerprints",
        "query_fingerprints_of": "fingerprints",
        "preview_of": "preview",
        "reencoded": "preview",
        "warm_up": "start",
    }.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
