"""Plain frozen values that every room shares. Standard library only; nothing here reads, sends or stores."""
