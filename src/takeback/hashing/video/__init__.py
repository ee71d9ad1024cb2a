"""Videos to fingerprints: which pictures are taken, how they are decoded, and the process that does it apart.

docs/video.md is the recipe; the browser follows the same one. ``hasher.VideoHasher`` is what others call: it never
decodes in its own process. Decoding in this process (``work.py``) is for that process, benchmarks and tests.
"""
