"""What one picture may cost. Every limit is checked before the memory or the time it protects is spent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest picture that is worked on; a platform lowers these to what it accepts anyway.

    Args:
        max_bytes: of the file.
        max_pixels: of the picture as decoded. At most three copies of it exist at once, of 3 or 4 bytes a pixel.
        max_stored_pixels: of the picture as the file declares it; more than ``max_pixels`` only where the decoder
            can shrink while it reads (JPEG), because phones now make 200-megapixel pictures.
        max_side_px: of either side.
        max_frames: how far into an animation frames are looked for.
        max_animation_pixels: likewise, pixels of a frame times frames. What lies behind is not an error.
        max_scan_pixels: pixels times scans of a progressive JPEG, in which every scan is a pass over the whole picture.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 50_000_000
    max_stored_pixels: int = 210_000_000
    max_side_px: int = 65_535
    max_frames: int = 300
    max_animation_pixels: int = 40_000_000
    max_scan_pixels: int = 1_000_000_000
