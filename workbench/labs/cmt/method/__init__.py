"""The method of `cmt`: scenes, network, matching, training, evaluation, probe."""
