"""Code that method and views of `rs` share; imports neither torch nor UI."""
