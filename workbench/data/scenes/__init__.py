"""Driving scenes: the record, file formats, known sets, own files, pictures, and the data card."""
