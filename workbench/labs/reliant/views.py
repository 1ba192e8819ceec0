"""From a result of the lab `reliant` to its pictures."""
