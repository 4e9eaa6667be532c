"""What the things of the street set look like: their outlines and their painting.

Each figure is a list of strokes in percent of its box, x to the right and y down, facing right:
`fill` and `line` take points, `oval`, `ring` and `cap` (an upper half) two corners; a colour may
have a brightness after `*`, a line its width in percent of the height after `:`. The outline
touches all four sides, so that the bounds of a polygon are the box itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageDraw

from curate.demo.scene import Box, Thing

Colour = tuple[int, int, int]

HEADLIGHT: Colour = (255, 244, 208)
TAILLIGHT: Colour = (255, 44, 32)
FIXED: dict[str, Colour] = {
    "glass": (92, 118, 138), "tyre": (30, 30, 34), "black": (34, 30, 30), "white": (248, 248, 244),
    "red": (204, 40, 44), "blue": (34, 86, 168), "steel": (168, 172, 178), "lamp": (250, 246, 226),
}  # fmt: skip
SKINS: tuple[Colour, ...] = ((242, 208, 178), (214, 164, 124), (150, 102, 70), (98, 66, 48))
TROUSERS: tuple[Colour, ...] = ((42, 48, 66), (74, 66, 58), (98, 104, 116), (58, 84, 112))
BODIES: tuple[Colour, ...] = (
    (186, 44, 44), (36, 78, 142), (226, 228, 230), (60, 64, 72), (232, 184, 62), (86, 142, 130),
    (150, 156, 164),
)  # fmt: skip
# Colours that differ from thing to thing: the first bit of `tint` that chooses, and the choice.
CHOSEN: dict[str, tuple[int, tuple[Colour, ...]]] = {
    "coat": (0, ((196, 62, 52), (44, 92, 150), (226, 168, 56), (62, 126, 92), (112, 76, 138),
                 (228, 222, 208), (52, 58, 72), (214, 118, 84))),
    "frame": (1, BODIES),
    "body": (2, BODIES),
    "trousers": (3, TROUSERS),
    "legs": (3, (*SKINS[:1], *TROUSERS)),
    "skin": (4, SKINS),
    "helmet": (5, BODIES),
    "hair": (6, ((46, 34, 28), (96, 62, 36), (190, 150, 88), (128, 126, 124))),
}  # fmt: skip

_CAR_END_OUTLINE = """24,0 76,0 90,36 100,46 100,86 95,88 95,100 77,100 76,90 24,90 23,100 5,100
    5,88 0,86 0,46 10,36"""
OUTLINES = {
    "walk": """50,0 62,3 65,9 58,16 78,20 100,47 93,53 77,38 76,55 94,95 94,100 66,100 50,68 34,100
        6,100 6,95 24,55 23,38 7,53 0,47 22,20 42,16 35,9 38,3""",
    "stand": """50,0 64,3 67,9 59,16 88,20 100,50 84,52 80,74 68,76 70,100 30,100 32,76 20,74 16,52
        0,50 12,20 41,16 33,9 36,3""",
    "cycle": """56,0 64,3 66,10 63,17 79,42 84,61 95,68 100,80 95,93 80,100 65,94 60,82 40,82 35,94
        20,100 5,93 0,80 5,67 19,60 26,45 44,19 48,5""",
    "front": _CAR_END_OUTLINE,
    "rear": _CAR_END_OUTLINE,
    "side": """0,60 2,45 18,38 31,4 37,0 64,0 70,4 83,40 96,48 100,62 100,82 89,86 86,96 80,100
        74,96 71,86 29,86 26,96 20,100 14,96 11,86 0,82""",
    "limit": """50,0 69,4 85,15 96,31 100,50 96,69 85,85 69,96 50,100 31,96 15,85 4,69 0,50 4,31
        15,15 31,4""",
    "warning": "50,0 100,100 0,100",
    "crosswalk": "0,0 100,0 100,100 0,100",
    "stop": "29,0 71,0 100,29 100,71 71,100 29,100 0,71 0,29",
}  # fmt: skip

_CAR_END = """
fill tyre 5,80 23,80 23,100 5,100
fill tyre 77,80 95,80 95,100 77,100
fill body*.62 24,0 76,0 90,36 100,46 100,86 95,90 5,90 0,86 0,46 10,36
fill body 24,0 76,0 79,6 21,6
fill body 10,38 90,38 100,47 98,70 2,70 0,47
fill body*1.2 12,38 88,38 93,43 7,43
fill glass 25,6 75,6 86,36 14,36
fill glass*1.35 30,6 45,6 32,36 16,36
fill tyre*1.4 3,78 97,78 95,88 5,88
fill white*.95 39,72 61,72 61,81 39,81
"""
STROKES = {
    "walk": """
fill coat*.72 66,19 78,20 100,47 93,53 66,36
oval skin 90,46 100,53
fill trousers*.75 27,50 52,50 52,66 30,97 10,95
fill trousers 42,50 76,50 90,95 68,97 46,66
fill black 6,95.5 16,94 34,100 6,100
fill black 66,95.5 88,94 94,97 94,100 66,100
fill skin*.85 43,13 57,13 60,20 40,20
fill coat 40,16.5 60,16.5 77,20 77,56 23,56 24,20
fill coat*1.14 40,16.5 50,16.5 50,56 42,56
fill coat*.86 22,20 36,20 22,40 7,53 0,47
oval skin 0,46 10,53
oval hair 35,0 65,15.5
oval skin 41.5,3.5 65,15.5
""",
    "stand": """
fill legs 32,70 48,70 47,98 34,98
fill legs*.85 52,70 68,70 66,98 53,98
fill black 30,96.5 48,96.5 48,100 30,100
fill black 52,96.5 70,96.5 70,100 52,100
fill skin*.85 42,13 58,13 60,20 40,20
fill coat*.82 14,20 30,22 30,50 0,50
oval skin 0,47 14,53
fill coat*.82 86,20 70,22 70,50 100,50
oval skin 86,47 100,53
fill coat 40,16.5 60,16.5 84,20 72,42 80,75 20,75 28,42 16,20
fill coat*1.14 42,16.5 50,16.5 48,75 32,75
oval hair 34,0 66,15.5
oval skin 41,3.5 66,15.5
""",
    "cycle": """
ring tyre 0,60 40,100
oval steel 18,78 22,82
ring tyre 60,60 100,100
oval steel 78,78 82,82
line:7 trousers*.7 34,48 52,58 50,76
line:2.8 frame 20,80 46,82 36,56 20,80
line:2.8 frame 46,82 73,56 38,60
line:2.8 frame 80,80 72,48 77,46
line:3.5 tyre 29,53 42,53
line:8.5 trousers 35,48 56,64 46,86
line:4 black 44,87 53,88
fill coat 28,52 27,44 44,19 58,18 60,26 44,52
line:5.5 coat*.82 53,23 62,38 73,44
oval skin 71,41 77,47
oval hair 49,2 65,19
oval skin 52.5,5.7 65,19
cap helmet 47,0 67,15
""",
    "front": f"""{_CAR_END}
fill tyre*1.3 28,52 72,52 69,66 31,66
oval lamp 3,49 21,63
oval lamp 79,49 97,63
""",
    "rear": f"""{_CAR_END}
fill body*.8 26,50 74,50 74,52 26,52
oval red 3,49 21,63
oval red 79,49 97,63
""",
    "side": """
fill body 0,60 2,45 18,38 31,4 37,0 64,0 70,4 83,40 96,48 100,62 100,82 97,86 2,86 0,82
fill body*.72 0,68 100,68 100,82 97,86 2,86 0,82
fill body*1.2 33,2 37,0 64,0 69,3 66,5
fill glass 24,37 34,9 49,9 49,37
fill glass 52,37 52,9 65,9 77,37
fill glass*1.35 54,37 54,9 58,9 64,37
line:1.6 body*.6 50.5,10 50.5,80
line:3 body*.5 42,48 48,48
fill lamp 94,49 97,50 100,62 95,60
fill red 0,58 1.8,47 5,46 4,60
oval tyre 10,60 30,100
oval steel 15,70 25,90
oval tyre 70,60 90,100
oval steel 75,70 85,90
""",
    "limit": """
oval red 0,0 100,100
oval white 14,14 86,86
line:7.5 black 46,32 29,32 29,48 44,50 44,66 28,68
ring black 54,31 74,69
""",
    "warning": """
fill red 50,0 100,100 0,100
fill white 50,24 82,88 18,88
line:9 black 50,45 50,68
oval black 45,73 55,83
""",
    "crosswalk": """
fill blue 0,0 100,0 100,100 0,100
fill white 50,14 88,84 12,84
oval black 46,29 56,39
line:6 black 51,40 50,56 40,76
line:6 black 50,56 62,76
""",
    "stop": """
fill white 29,0 71,0 100,29 100,71 71,100 29,100 0,71 0,29
fill red*.95 31,5 69,5 95,31 95,69 69,95 31,95 5,69 5,31
fill white 20,43 80,43 80,57 20,57
""",
}
LAMPS: dict[str, tuple[tuple[Colour, str], ...]] = {
    "front": ((HEADLIGHT, "4,50 22,64"), (HEADLIGHT, "78,50 96,64")),
    "rear": ((TAILLIGHT, "4,50 22,64"), (TAILLIGHT, "78,50 96,64")),
    "side": ((HEADLIGHT, "95.5,50 100,62"), (TAILLIGHT, "0,47 3,60")),
    "cycle": ((HEADLIGHT, "80,50 86,56"), (TAILLIGHT, "14,55 18,59")),
}


def outline(thing: Thing) -> list[tuple[float, float]]:
    """The polygon round the whole thing, px on a grid of a quarter pixel; its bounds are `full`."""
    return [
        (round(x * 4) / 4, round(y * 4) / 4)
        for x, y in _Frame(thing.full, thing.is_mirrored).points(OUTLINES[thing.look])
    ]


def paint(canvas: ImageDraw.ImageDraw, thing: Thing, scale: int) -> None:
    """Paints the thing, cut-off parts too, on a canvas of `scale` px per px of the picture."""
    for place, box in enumerate(thing.members or (thing.full,)):
        frame = _Frame(_scaled(box, scale), thing.is_mirrored)
        for stroke in STROKES[thing.look].split("\n"):
            if stroke:
                _paint_stroke(canvas, frame, stroke, thing.tint + 7919 * place)


def shine(canvas: ImageDraw.ImageDraw, thing: Thing, scale: int) -> None:
    """Paints on the canvas of lights: black where the thing hides them, and its own lamps."""
    frame = _Frame(_scaled(thing.full, scale), thing.is_mirrored)
    canvas.polygon(frame.points(OUTLINES[thing.look]), fill=(0, 0, 0))
    for colour, corners in LAMPS.get(thing.look, ()):
        canvas.ellipse(frame.bounds(corners), fill=colour)


@dataclass(frozen=True)
class _Frame:
    """The place of a figure on the canvas, px, and whether it faces left."""

    box: Box
    is_mirrored: bool

    def points(self, text: str) -> list[tuple[float, float]]:
        """Canvas positions of points written in percent."""
        x1, y1, x2, y2 = self.box
        pairs = [pair.split(",") for pair in text.split()]
        shares = [(float(x) / 100, float(y) / 100) for x, y in pairs]
        return [
            (x1 + (1 - u if self.is_mirrored else u) * (x2 - x1), y1 + v * (y2 - y1))
            for u, v in shares
        ]

    def bounds(self, text: str) -> Box:
        """The canvas box of two corners written in percent."""
        (x1, y1), (x2, y2) = self.points(text)
        return min(x1, x2), y1, max(x1, x2), y2

    def thick(self, percent: float) -> int:
        """A line width in percent of the height as whole px."""
        return max(1, round(percent / 100 * (self.box[3] - self.box[1])))


def _paint_stroke(canvas: ImageDraw.ImageDraw, frame: _Frame, stroke: str, tint: int) -> None:
    head, colour_name, where = stroke.split(" ", 2)
    kind, _, width = head.partition(":")
    colour = _colour(colour_name, tint)
    if kind == "fill":
        canvas.polygon(frame.points(where), fill=colour)
    elif kind == "line":
        thick = frame.thick(float(width))
        canvas.line(frame.points(where), fill=colour, width=thick, joint="curve")
    elif kind == "oval":
        canvas.ellipse(frame.bounds(where), fill=colour)
    elif kind == "ring":
        canvas.ellipse(frame.bounds(where), outline=colour, width=frame.thick(4.2))
    else:
        canvas.chord(frame.bounds(where), 180, 360, fill=colour)


def _colour(name: str, tint: int) -> Colour:
    name, _, brightness = name.partition("*")
    if name in FIXED:
        colour = FIXED[name]
    else:
        bit, choice = CHOSEN[name]
        colour = choice[(tint >> bit) % len(choice)]
    red, green, blue = (min(255, round(part * float(brightness or 1))) for part in colour)
    return red, green, blue


def _scaled(box: Box, scale: int) -> Box:
    return box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale
