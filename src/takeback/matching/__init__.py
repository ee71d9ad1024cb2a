"""Fingerprints to matches.

What other rooms use is named here and loaded on first use: the compiled kernels cost half a second to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from takeback.matching.clip import Clip
    from takeback.matching.engine import MatchEngine
    from takeback.matching.live import Growth
    from takeback.matching.policy import Policy
    from takeback.matching.region_query import RegionQuery
    from takeback.matching.start import warm_up

__all__ = ["Clip", "Growth", "MatchEngine", "Policy", "RegionQuery", "warm_up"]


def __getattr__(name: str) -> object:
    home = {
        "Clip": "clip",
        "Growth": "live",
        "MatchEngine": "engine",
        "Policy": "policy",
        "RegionQuery": "region_query",
        "warm_up": "start",
    }.get(name)
    if home is None:
        raise AttributeError(name)
    return getattr(import_module(f"takeback.matching.{home}"), name)
