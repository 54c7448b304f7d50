"""`nikdev import`: files of readings become commits.

A file is read as rows of cells (`csv_source`, `json_source`), the options say which cells are which (`selection`),
times are read (`times`, `zones`), and `rows` puts it together. All of it is pure but for the bytes that `source` reads.
"""
