"""Bytes and JSON on one side, model values on the other. The only code that knows field names and encodings.

One module a protocol and version; each class here is a shape and nothing else. Everything is strict: a number in quotes
is an error, and so is a field nobody knows.
"""
