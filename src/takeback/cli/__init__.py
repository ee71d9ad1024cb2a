"""One file a command; the shell that turns errors into exit codes."""
