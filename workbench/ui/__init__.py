"""The page: shell, lab page, runs table and the pictures that labs share."""
