"""The method of `rs`: the rate of separability, other measures, networks, studies, probe."""
