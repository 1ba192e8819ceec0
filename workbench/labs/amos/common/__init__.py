"""Code that method and views of `amos` share; imports neither torch nor UI."""
