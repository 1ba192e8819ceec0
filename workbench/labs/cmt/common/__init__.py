"""What method and views of `cmt` both read; imports neither torch nor UI."""
