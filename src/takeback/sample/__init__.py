"""A small photo-sharing site that uses the platform kit only through its public HTTP interface."""
