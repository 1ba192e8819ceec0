"""Code that method and views of `drums` share; imports neither torch nor UI."""
