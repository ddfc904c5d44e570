"""The data room: a file to rows, rows to a clean data set, a data set to parts; and what is wrong with it."""
