"""The method of `eam`: subjects, network, training, evaluation, probe."""
