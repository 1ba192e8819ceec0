"""Tables of features and classes, in the file formats that users have."""
