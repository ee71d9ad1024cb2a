"""Fingerprints to matches."""

from takeback.matching.engine import MatchEngine
from takeback.matching.policy import Policy

__all__ = ["MatchEngine", "Policy"]
