"""The data catalog: which data sets exist, their licences, and how each is downloaded and cached."""
