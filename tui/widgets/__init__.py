"""What the rooms are furnished with."""
