"""Graphs of people: the record, known sets, own files, and the data card."""
