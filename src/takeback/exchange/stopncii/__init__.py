"""The face in the shape of StopNCII's API, version 1."""
