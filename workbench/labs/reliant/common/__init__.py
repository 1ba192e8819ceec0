"""What method and views of `reliant` both read; imports neither torch nor UI."""
