"""What method and views of `amos` both read; imports neither torch nor UI."""
