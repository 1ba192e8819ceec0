"""CT and MR volumes with organ masks: the record, file formats, known sets, own files, and the data card."""
