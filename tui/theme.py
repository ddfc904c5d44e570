"""The colours of the house, as a Textual theme; styles name theme variables only."""

from __future__ import annotations

from textual.theme import Theme

FINETUI = Theme(
    name="finetui",
    primary="#7aa2f7",
    secondary="#9d8cf0",
    accent="#e0af68",
    foreground="#d5d9e5",
    background="#16181f",
    surface="#1d2029",
    panel="#262a36",
    success="#8fc97a",
    warning="#e0af68",
    error="#ee7b8a",
    dark=True,
    variables={"border-blurred": "#3b4152", "input-selection-background": "#7aa2f7 35%"},
)
