"""The screen: five rooms over the run folders. It does no work of its own; see `tui.engine`."""
