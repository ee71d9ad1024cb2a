"""The face in the shape of NCMEC's hash sharing, version 2."""
