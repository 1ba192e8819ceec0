"""The method of `drums`: grooves as text, language models, sampling, probe."""
