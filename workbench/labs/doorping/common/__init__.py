"""Code that method and views of `doorping` share; imports neither torch nor UI."""
