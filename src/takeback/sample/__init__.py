"""A small photo wall, as any site could have one: it uses the platform kit only through its public HTTP interface.

It keeps everything in memory and a temporary folder and forgets all of it when it stops.
"""
