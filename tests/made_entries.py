"""Made-up fingerprints of every list, as plausible as a picture's or a video's own."""

import secrets
from random import SystemRandom

from takeback.model.fingerprint import Algorithm, Fingerprint
from takeback.model.video import Video, VideoFrame, video_value

_BITS = 256


def made_up(algorithm: Algorithm, size: int = 20) -> Fingerprint:
    """A new one; ``size``: how many regions or frames."""
    match algorithm:
        case Algorithm.PDQ:
            return Fingerprint(algorithm, _balanced().hex(), 88)
        case Algorithm.MD5:
            return Fingerprint(algorithm, secrets.token_hex(16))
        case Algorithm.SHA256:
            return Fingerprint(algorithm, secrets.token_hex(32))
        case Algorithm.PDQ_REGION:
            regions = b"".join(sorted(_balanced() for _ in range(size)))
            return Fingerprint(algorithm, (bytes([size]) + regions + bytes(-(-size // 8))).hex())
        case Algorithm.VPDQ:
            frames = tuple(VideoFrame(_balanced(), 4 * number, 70) for number in range(size))
            return Fingerprint(algorithm, video_value(Video(6, frames)))


def _balanced() -> bytes:
    places = SystemRandom().sample(range(_BITS), _BITS // 2)
    return sum(1 << place for place in places).to_bytes(_BITS // 8, "big")
