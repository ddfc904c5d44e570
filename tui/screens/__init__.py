"""One module per room, imported when the room is first opened."""
