"""The key table as data: bindings, footers, the help page and the palette are made from it.

A letter means one thing in the whole program, wherever it is bound; a test holds that. A place is a room
(`data`), a widget that owns the key (`data.health`) or `everywhere`.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

ROOMS: dict[str, str] = {"data": "Data", "configure": "Configure", "train": "Train", "runs": "Runs", "try": "Try"}
"""The rooms in their order, with the names people read. Room number = place in this order."""

EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Key:
    """One meaning, the keys that have it, and the places that offer it.

    `keys` are Textual's names with commas between; `action` is run on the widget, room or app that the place names.
    """

    id: str
    keys: str
    action: str
    label: str
    tooltip: str
    rooms: tuple[str, ...]
    footer: bool = True
    priority: bool = False
    short: str = ""

    @property
    def brief(self) -> str:
        """The label as the footer has room for it."""
        return self.short or self.label

    @property
    def shown(self) -> str:
        """The first key as people write it."""
        return shown(self.keys.split(",")[0])


def shown(key: str) -> str:
    """A key as people write it: `slash` is `/`."""
    return _SHOWN.get(key, key)


_SHOWN = {
    "greater_than_sign": ">", "less_than_sign": "<", "slash": "/", "question_mark": "?", "colon": ":",
    "left_square_bracket": "[", "right_square_bracket": "]", "escape": "esc", "down": "↓", "up": "↑",
    "left": "←", "right": "→", "plus": "+", "minus": "-", "asterisk": "*",
}  # fmt: skip

_LISTS = (
    "data.classes",
    "data.health",
    "data.rows",
    "data.source",
    "runs.table",
    "runs.detail",
    "runs.classes",
    "runs.confusion",
    "runs.mistakes",
    "runs.suspects",
    "runs.slices",
    "runs.doors",
    "runs.changes",
    "try.history",
    "configure.settings",
    "configure.presets",
)

KEYS: tuple[Key, ...] = (
    Key("open", "enter", "open", "Open", "Open what is under the cursor",
        ("data.source", "data.classes", "data.health", "data.rows", "configure.settings", "configure.presets",
         "runs.table", "runs.classes", "runs.confusion", "runs.threshold", "runs.mistakes", "runs.slices",
         "runs.doors", "runs.changes", "runs.suspects", "try.history")),
    Key("switch", "space", "switch", "Switch",
        "Switch what is under the cursor; mark a run to compare it",
        ("configure.settings", "data.health", "runs.table", "runs.confusion", "runs.mistaken", "runs.changed",
         "runs.suspicious")),
    Key("exclude", "x", "exclude", "Exclude", "Leave the class or row under the cursor out of the data",
        ("data.classes", "runs.suspicious")),
    Key("rename", "a", "rename", "Rename", "Rename the class or run under the cursor, or merge the class",
        ("data.classes", "runs.table")),
    Key("fix", "f", "fix", "Fix", "Do what a finding, forecast, failed run or label proposes",
        ("data.health", "configure", "train", "runs.suspicious")),
    Key("fix-to", "F", "fix_to", "Other class", "Give the row under the cursor a label from the list of all",
        ("runs.suspicious",), short="Other"),
    Key("keep-label", "K", "keep_label", "Keep", "The label under the cursor is right: list it no more",
        ("runs.suspicious",)),
    Key("delete", "d", "delete", "Delete", "Move the run under the cursor to the trash", ("runs.table",)),
    Key("undo", "u", "undo", "Undo", "Take the last change back",
        ("data", "configure", "runs", "runs.suspicious")),
    Key("more", "plus", "more", "Add", "Another cleaning rule for the data; a higher threshold",
        ("data", "runs.threshold")),
    Key("less", "minus", "less", "Lower", "A lower threshold", ("runs.threshold",)),
    Key("reading", "v", "reading", "Reading", "How the file is read: encoding, columns, parts; and change it",
        ("data",)),
    Key("filter", "slash", "filter", "Search", "Show only what holds these words",
        ("data", "runs", "runs.mistaken", "runs.sliced")),
    Key("part", "P", "part", "Other part", "Figures and rows of the test part, or of validation again",
        ("runs.opened", "runs.mistaken", "runs.sliced", "runs.compared"), short="Part"),
    Key("compare", "c", "compare", "Compare", "The marked runs beside each other, or one and this",
        ("runs.table",)),
    Key("export", "e", "export", "Export", "Write what is shown to a file: CSV, Markdown or JSON", ("runs.compared",)),
    Key("slices", "S", "slices", "Slices", "Scores of kinds of sentences: short, with a negation …",
        ("runs.opened", "runs.mistaken")),
    Key("labels", "L", "labels", "Labels", "Labels that may be wrong: fix, exclude or keep them",
        ("runs.opened",)),
    Key("open-file", "o", "open_file", "Open a file", "Name a file to open: type or paste its path", ("data",),
        short="File"),
    Key("resume", "r", "resume", "Resume",
        "Go on where the run was left, or train a complete one more",
        ("train", "runs.table", "runs.opened", "runs.suspicious")),
    Key("pause", "p", "pause", "Pause", "Write a checkpoint and leave: the device is free, r goes on", ("train",)),
    Key("stop", "s", "stop", "Stop & save", "Finish the step, validate, save the model and end",
        ("train", "runs.table")),
    Key("save", "w", "save", "Save now", "Write a checkpoint now and go on", ("train",), short="Save"),
    Key("command", "y", "command", "Command", "Show the command that does the same, and copy it", ("configure",)),
    Key("new", "n", "new", "New run", "Set up another run", ("train", "runs"), short="New"),
    Key("log", "l", "log", "Log", "What the trainer printed", ("train",)),
    Key("leave-running", "b", "leave_running", "Leave it running", "Quit the screen; training goes on", ("train",),
        short="Leave"),
    Key("previous-run", "left_square_bracket", "previous_run", "Previous", "The live run before this one", ("train",),
        footer=False),
    Key("next-run", "right_square_bracket", "next_run", "Next", "The live run after this one", ("train",),
        footer=False),
    Key("metric", "m", "metric", "Metric", "The chart at the right: macro F1, accuracy, or F1 per class",
        ("train", "runs.opened")),
    Key("tag", "t", "tag", "Tags", "Tags of the run under the cursor, which the filter finds", ("runs.table",)),
    Key("note", "i", "note", "Note", "A note about the run under the cursor", ("runs.table",)),
    Key("archive", "h", "archive", "Archive", "Put the run aside; is:archived in the filter lists it",
        ("runs.table",)),
    Key("room", "z", "room", "Disk use", "How much room the listed runs take on the disk", ("runs",), footer=False),
    Key("sort-next", "greater_than_sign", "sort_next", "Sort", "Sort by the next column", ("runs.table",)),
    Key("sort-previous", "less_than_sign", "sort_previous", "Sort back", "Sort by the column before", ("runs.table",),
        footer=False),
    Key("down", "j", "cursor_down", "Down", "One line down", _LISTS, footer=False),
    Key("up", "k", "cursor_up", "Up", "One line up", _LISTS, footer=False),
    Key("first", "g", "first", "First", "To the first line", _LISTS, footer=False),
    Key("last", "G", "last", "Last", "To the last line", _LISTS, footer=False),
    Key("history", "down", "history", "History", "From the field to the sentences that were filed", ("try",),
        footer=False),
    Key("checklist", "asterisk", "checklist", "Checklist",
        "Save the sentence and its answer: new runs are asked it", ("try",)),
    Key("leave", "escape", "leave", "Back", "Leave the field, cancel what loads",
        (*ROOMS, "runs.opened", "runs.mistaken", "runs.sliced", "runs.compared", "runs.changed", "runs.suspicious"),
        footer=False),
    Key("start", "ctrl+r", "start", "Start", "Train with this data and these settings", (EVERYWHERE,),
        priority=True),
    *(Key(f"go-{room}", str(number), f"go('{room}')", name, f"To the {name} room",
          (EVERYWHERE, "runs.table") if room == "try" else (EVERYWHERE,), footer=False)  # try the run under the cursor
      for number, (room, name) in enumerate(ROOMS.items(), 1)),
    Key("go", "ctrl+g", "go_strip", "Go", "Go anywhere, also from a text field", (EVERYWHERE,),
        priority=True),
    Key("palette", "colon,ctrl+p", "command_palette", "Palette", "Every action by name", (EVERYWHERE,), footer=False),
    Key("help", "question_mark", "help", "Help", "All keys", (EVERYWHERE,)),
    Key("quit", "q,ctrl+q,ctrl+c", "quit", "Quit", "Leave; asks when a run trains", (EVERYWHERE,)),
)  # fmt: skip

BY_ID: dict[str, Key] = {key.id: key for key in KEYS}


def bindings(room: str, widget: str = "") -> list[BindingType]:
    """Textual bindings for a room's screen, or for the widget of a room that owns them."""
    place = f"{room}.{widget}" if widget else room
    return [
        Binding(key.keys, key.action, key.label, show=key.footer, priority=key.priority, tooltip=key.tooltip, id=key.id)
        for key in KEYS
        if place in key.rooms
    ]
