"""The numbers of the region recipe. Where each comes from: docs/fingerprints.md."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """Parameters of detection; lengths are pixels of the working picture.

    Args:
        long_side_px: to which the picture is brought before anything else.
        octaves: halvings of the working picture, itself included, in which keypoints are looked for.
        threshold: smallest difference of Gaussians of a keypoint, in grey levels of 255.
        edge_ratio: largest ratio of the two principal curvatures of a keypoint.
        magnification: radius of a region in sigmas of its keypoint.
        tolerance: share of its radius by which a region may leave the picture.
        min_radius_px: smallest region.
        orientation_window: standard width of the orientation window in sigmas.
    """

    long_side_px: int = 512
    octaves: int = 4
    threshold: float = 1.0
    edge_ratio: float = 20.0
    magnification: float = 8.0
    tolerance: float = 0.4
    min_radius_px: float = 16.0
    orientation_window: float = 2.5
