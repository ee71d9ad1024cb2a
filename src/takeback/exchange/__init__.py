"""How partners get the list: keys, feed, feedback, audit."""
