"""What method and views of `drums` both read; imports neither torch nor UI."""
