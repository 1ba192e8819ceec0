"""What method and views of `rs` both read; imports neither torch nor UI."""
