"""Pictures for people to look at: numpy and Pillow, no torch and no plotting library.

They stand beside ``io`` because they know values alone, neither files nor models, so that the command line, reports and
a server can all draw with them.
"""

from promptseg.drawing.overlay import COLOURS, draw_overlay
from promptseg.drawing.sheet import contact_sheet
from promptseg.drawing.view import Window, crop, window_around

__all__ = ["COLOURS", "Window", "contact_sheet", "crop", "draw_overlay", "window_around"]
