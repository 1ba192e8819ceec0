"""Code that method and views of `reliant` share; imports neither torch nor UI."""
