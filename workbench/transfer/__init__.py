"""A run leaves this workbench, as a report, figures or a zip, and enters another one."""
