"""What a submission may hold: how many fingerprints, and only such as can be.

It looks at the submission alone, never at the lists: a refusal says nothing of what is listed.

**Source:** docs/protocol/case-v1.md §10.5.
"""

from collections import Counter
from dataclasses import dataclass

from takeback.errors import InvalidInputError
from takeback.model.case import Submission
from takeback.model.fingerprint import MIN_QUALITY, Algorithm
from takeback.model.plausibility import is_plausible


@dataclass(frozen=True, slots=True)
class SubmissionCaps:
    """How much one submission may hold.

    Args:
        fingerprints: of all algorithms together; also the most PDQ values, of which a picture has up to fourteen.
        files: of every other algorithm, of which a file has one.
    """

    fingerprints: int = 200
    files: int = 100

    def check(self, submission: Submission) -> None:
        """Refuse what is too much or cannot be.

        Raises:
            InvalidInputError: ``case.too_large``, ``fingerprint.quality`` or ``fingerprint.implausible``.
        """
        counts = Counter(item.fingerprint.algorithm for item in submission.fingerprints)
        files = max((count for name, count in counts.items() if name is not Algorithm.PDQ), default=0)
        if counts.total() > self.fingerprints or files > self.files:
            raise InvalidInputError("case.too_large", "That is too much for one time. Please send fewer at once.")
        qualities = [item.fingerprint.quality for item in submission.fingerprints]
        if any(quality is not None and quality < MIN_QUALITY for quality in qualities):
            raise InvalidInputError(
                "fingerprint.quality", f"A PDQ fingerprint of a quality below {MIN_QUALITY} cannot be looked for."
            )
        if not all(is_plausible(item.fingerprint) for item in submission.fingerprints):
            raise InvalidInputError(
                "fingerprint.implausible",
                "One of the fingerprints cannot come from a real picture or video. Please try another copy of it.",
            )
