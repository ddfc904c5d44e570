"""From the bytes of one file to a table: encoding, layout, header; every decision is kept with its reason."""
