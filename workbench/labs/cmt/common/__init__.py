"""Code that method and views of `cmt` share; imports neither torch nor UI."""
