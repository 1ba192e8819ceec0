"""What method and views of `doorping` both read; imports neither torch nor UI."""
