"""Draws a planned scene and stores it as a JPEG, turned as its EXIF orientation says.

Everything is painted at twice the size and scaled down, for smooth edges. A night is the same
street in weak blue light, plus what lamps throw on it, plus the lamps themselves with a glow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from curate.demo import figures
from curate.demo.figures import Colour
from curate.demo.scene import JUNCTION_LENGTH_M, ROAD_HALF_M, Scene, Thing

SCALE = 2
JPEG_QUALITY = 88
EXIF_ORIENTATION_TAG = 0x0112
# The stored picture is the upright one turned by the inverse of what the viewer will do.
STORED_TURN = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
HOUSE_LINE_M = 5.2
STREET_END_M = 62.0
LAMP_DEPTHS_M = (50.5, 43.0, 35.5, 28.0, 20.5, 13.0, 5.5)
NIGHT_AMBIENT = np.array([0.20, 0.24, 0.37])
Span = tuple[float, float]

LAMP_LIGHT: Colour = (255, 206, 138)

# Top and bottom of the sky.
SKIES: dict[str, tuple[Colour, Colour]] = {
    "noon": ((96, 158, 218), (206, 228, 240)),
    "morning": ((132, 172, 206), (248, 226, 196)),
    "overcast": ((168, 178, 188), (216, 220, 222)),
    "night": ((70, 92, 150), (176, 146, 158)),
}
WALLS: tuple[Colour, ...] = (
    (214, 186, 152), (196, 142, 116), (222, 210, 186), (170, 178, 180), (202, 164, 128),
    (158, 116, 100), (186, 196, 176), (226, 196, 164), (150, 160, 176),
)  # fmt: skip
AWNINGS: tuple[Colour, ...] = ((178, 58, 52), (52, 110, 96), (44, 84, 134), (218, 158, 60))
ASPHALT: Colour = (104, 106, 112)
LEAVES: tuple[Colour, ...] = ((74, 116, 62), (92, 138, 70), (116, 156, 82))


@dataclass(frozen=True)
class Stage:
    """The two canvases of one scene: colours, and lights on black; `rng` draws its chances.

    Rectangles of the street are given by two values each, in m: `xs` to the right, `ups` above the
    ground, `depths` ahead. What is painted puts out the lights behind it.
    """

    scene: Scene
    rng: np.random.Generator
    colours: Image.Image
    lights: Image.Image
    sky: str

    def floor(self, colour: Colour, xs: Span, depths: Span) -> None:
        """A rectangle on the ground."""
        (a, b), (near, far) = xs, depths
        corners = [(a, 0.0, near), (a, 0.0, far), (b, 0.0, far), (b, 0.0, near)]
        self.paint(colour, corners, is_hazy=False)

    def wall(
        self, colour: Colour, x: float, ups: Span, depths: Span, *, lamp: Colour | None = None
    ) -> None:
        """A rectangle along the street; with a `lamp` it shines at night."""
        (low, high), (near, far) = ups, depths
        corners = [(x, low, near), (x, low, far), (x, high, far), (x, high, near)]
        self.paint(colour, corners, lamp=lamp)

    def front(
        self, colour: Colour, xs: Span, ups: Span, depth: float, *, lamp: Colour | None = None
    ) -> None:
        """A rectangle that faces the camera; with a `lamp` it shines at night."""
        (a, b), (low, high) = xs, ups
        corners = [(a, low, depth), (b, low, depth), (b, high, depth), (a, high, depth)]
        self.paint(colour, corners, lamp=lamp)

    def paint(
        self, colour: Colour, corners_m: list[tuple[float, float, float]], *,
        lamp: Colour | None = None, is_hazy: bool = True,
    ) -> None:  # fmt: skip
        """A polygon of points (right, above the ground, ahead)."""
        projected = [self.scene.project(*corner) for corner in corners_m]
        points = [(SCALE * x, SCALE * y) for x, y in projected]
        # The air takes the colour towards the lower sky's with distance.
        depth = sum(corner[2] for corner in corners_m) / len(corners_m)
        haze = 0.75 * min(1.0, depth / STREET_END_M) ** 1.3
        if is_hazy:
            colour = mix(colour, SKIES[self.sky][1], haze)
        ImageDraw.Draw(self.colours).polygon(points, fill=colour)
        shines = lamp is not None and self.scene.night
        ImageDraw.Draw(self.lights).polygon(points, fill=lamp if shines else (0, 0, 0))


def encode(scene: Scene) -> bytes:
    """The scene as a JPEG file, stored turned and tagged when it has an EXIF orientation."""
    picture = draw(scene)
    stored = io.BytesIO()
    if scene.exif_orientation == 1:
        picture.save(stored, "JPEG", quality=JPEG_QUALITY)
    else:
        exif = Image.Exif()
        exif[EXIF_ORIENTATION_TAG] = scene.exif_orientation
        turned = picture.transpose(STORED_TURN[scene.exif_orientation])
        turned.save(stored, "JPEG", quality=JPEG_QUALITY, exif=exif)
    return stored.getvalue()


def draw(scene: Scene) -> Image.Image:
    """The upright picture of a scene, RGB."""
    rng = np.random.default_rng(scene.tint)
    days = [name for name in SKIES if name != "night"]
    sky = "night" if scene.night else days[int(rng.integers(len(days)))]
    size_wh = (scene.width * SCALE, scene.height * SCALE)
    stage = Stage(scene, rng, _sky(size_wh, sky), Image.new("RGB", size_wh), sky)
    _paint_sky(stage)
    _paint_ground(stage)
    _paint_houses(stage)
    _paint_furniture(stage)
    _cast_shadows(stage)
    for thing in scene.objects:
        _paint_thing(stage, thing)
    return _develop(stage)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour a with a `share` (0..1) of colour b in it."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _sky(size_wh: tuple[int, int], sky: str) -> Image.Image:
    top, bottom = (np.array(colour, dtype=np.float64) for colour in SKIES[sky])
    share = np.clip(np.linspace(0, 2.2, size_wh[1]), 0, 1)[:, None]
    rows = np.round(top + (bottom - top) * share).astype(np.uint8)
    return Image.fromarray(np.repeat(rows[:, None, :], size_wh[0], axis=1))


def _paint_sky(stage: Stage) -> None:
    """Clouds or stars, sun or moon, and the town where the street ends."""
    rng, (width, height) = stage.rng, stage.colours.size
    horizon = stage.scene.vanish_px[1] * SCALE
    if stage.scene.night:
        lights = ImageDraw.Draw(stage.lights)
        for _ in range(40):
            x, y = rng.uniform(0, width), rng.uniform(0, 0.8 * horizon)
            lights.ellipse((x, y, x + 2, y + 2), fill=(150, 150, 170))
        x, y, radius = rng.uniform(0.35, 0.65) * width, 0.16 * horizon, 0.03 * height
        lights.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(214, 214, 200))
    else:
        mask = Image.new("L", (width, height))
        brush = ImageDraw.Draw(mask)
        for _ in range(7):
            x, y = rng.uniform(0, width), rng.uniform(0.05, 0.75) * horizon
            for _ in range(5):
                rx = rng.uniform(0.03, 0.10) * width
                at_x, at_y, ry = x + rng.normal() * rx, y + rng.normal() * rx * 0.1, rx * 0.28
                brush.ellipse((at_x - rx, at_y - ry, at_x + rx, at_y + ry), fill=170)
        mask = mask.filter(ImageFilter.BoxBlur(width / 110))
        stage.colours.paste((252, 250, 246), (0, 0), mask)
    brush = ImageDraw.Draw(stage.colours)
    far = mix((112, 124, 138), SKIES[stage.sky][1], 0.5)
    x = 0.0
    while x < width:
        wide = rng.uniform(0.03, 0.08) * width
        brush.rectangle((x, horizon - rng.uniform(0.03, 0.10) * height, x + wide, horizon), far)
        x += wide


def _paint_ground(stage: Stage) -> None:
    """Pavements, road, kerbs, lane marks, the side street and its crossing."""
    along, road, junction = (1.0, STREET_END_M), ROAD_HALF_M, stage.scene.junction_m
    width, height = stage.colours.size
    pavement = (0, stage.scene.vanish_px[1] * SCALE, width, height)
    ImageDraw.Draw(stage.colours).rectangle(pavement, fill=(172, 166, 158))
    for x in np.arange(-HOUSE_LINE_M, HOUSE_LINE_M, 0.8):
        stage.floor((160, 154, 147), (x, x + 0.05), along)
    stage.floor(ASPHALT, (-road, road), along)
    for side in (-1, 1):
        stage.floor((206, 202, 194), (side * road, side * (road + 0.22)), along)
    for depth in np.arange(1.5, STREET_END_M, 4.0):
        if junction is None or not junction - 5.5 < depth < junction + JUNCTION_LENGTH_M:
            stage.floor((226, 224, 214), (-0.07, 0.07), (depth, depth + 2))
    if junction is not None:
        stage.floor(ASPHALT, (-90, 90), (junction, junction + JUNCTION_LENGTH_M))
        for x in np.arange(-road + 0.25, road - 0.3, 0.95):
            stage.floor((232, 230, 222), (x, x + 0.5), (junction - 3.4, junction - 0.6))


def _paint_houses(stage: Stage) -> None:
    """Two rows of houses, from far to near, with a gap where the side street runs."""
    rng, end = stage.rng, STREET_END_M - 8
    begins = stage.scene.junction_m or end
    ends = begins + JUNCTION_LENGTH_M
    for side in (-1, 1):
        blocks: list[Span] = []
        near = float(rng.uniform(0.9, 1.6))
        while near < end:
            far = near + float(rng.uniform(6, 11))
            if near < begins < far + 3:
                far = begins
            blocks.append((near, far))
            near = max(far, ends) if far == begins else far
        for depths in reversed(blocks):
            _paint_house(stage, side, depths)


def _paint_house(stage: Stage, side: int, depths: Span) -> None:
    rng, x, (near, far) = stage.rng, side * HOUSE_LINE_M, depths
    wall = WALLS[int(rng.integers(len(WALLS)))]
    facade = mix(wall, (60, 56, 72), 0.22 if side > 0 else 0.04)
    n_floors = int(rng.integers(2, 5))
    top = 3.4 + 3.0 * n_floors
    stage.front(mix(wall, (50, 48, 66), 0.3), (x, x + side * 80), (0, top), near)
    stage.wall(facade, x, (0, top), depths)
    stage.wall(mix(facade, (40, 36, 40), 0.35), x, (top - 0.35, top), depths)
    for begin in np.arange(near + 0.7, far - 1.5, 2.1):
        for low in 3.9 + 3.0 * np.arange(n_floors):
            lamp = (190, 144, 78) if rng.random() < 0.3 else None
            frame, pane = (begin - 0.1, begin + 1.15), (begin, begin + 1.05)
            stage.wall((236, 230, 220), x, (low - 0.1, low + 1.7), frame)
            stage.wall((86, 104, 122), x, (low, low + 0.8), pane, lamp=lamp)
            stage.wall((128, 148, 164), x, (low + 0.8, low + 1.6), pane, lamp=lamp)
    if rng.random() < 0.6:
        _paint_shop(stage, x, (near + 0.6, far - 0.6))
    else:
        door = (near + far) / 2
        stage.wall((92, 64, 52), x, (0, 2.3), (door, door + 1.1))


def _paint_shop(stage: Stage, x: float, depths: Span) -> None:
    """A shop window under a striped awning."""
    rng, (begin, end) = stage.rng, depths
    stage.wall(
        (78, 92, 104), x, (0.5, 2.5), depths, lamp=(126, 98, 62) if rng.random() < 0.5 else None
    )
    awning = AWNINGS[int(rng.integers(len(AWNINGS)))]
    edges = np.linspace(begin, end, max(2, round((end - begin) / 0.7)) + 1)
    out = x - 1.0 if x > 0 else x + 1.0
    for stripe, (a, b) in enumerate(pairwise(edges)):
        colour = awning if stripe % 2 else mix(awning, (250, 246, 238), 0.75)
        stage.paint(colour, [(x, 3.1, a), (x, 3.1, b), (out, 2.6, b), (out, 2.6, a)])


def _paint_furniture(stage: Stage) -> None:
    """Trees along the houses and lamps along the kerb, from far to near."""
    has_trees = stage.rng.random() < 0.6
    junction = stage.scene.junction_m
    for place, depth in enumerate(LAMP_DEPTHS_M):
        if junction is not None and -0.5 < depth - junction < JUNCTION_LENGTH_M + 0.5:
            continue
        for side in (-1, 1):
            if has_trees and stage.rng.random() < 0.75:
                _paint_tree(stage, side * 4.7, depth + 3.0)
            if stage.scene.night or (place % 2 == 0) == (side > 0):
                x, top, post = side * (ROAD_HALF_M + 0.35), 5.2, (70, 74, 80)
                head = x - side * 1.0
                stage.front(post, (x - 0.06, x + 0.06), (0, top), depth)
                stage.front(post, (min(x, head), max(x, head)), (top - 0.08, top + 0.02), depth)
                lamp = (head - 0.3, head + 0.3)
                stage.front(post, lamp, (top - 0.08, top + 0.08), depth, lamp=LAMP_LIGHT)


def _paint_tree(stage: Stage, x: float, depth: float) -> None:
    stage.front((96, 74, 56), (x - 0.1, x + 0.1), (0, 3.2), depth)
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for layer, leaf in enumerate(LEAVES):
        spread = 1.15 - 0.3 * layer
        for _ in range(9):
            across, up = spread * stage.rng.uniform(-0.9, 0.9, 2)
            radius = stage.rng.uniform(0.35, 0.65) * (1 - 0.18 * layer)
            rim = zip(radius * np.cos(angles), radius * np.sin(angles), strict=True)
            middle = 3.7 + 0.35 * layer + up
            stage.paint(leaf, [(x + across + dx, middle + dy, depth) for dx, dy in rim])


def _cast_shadows(stage: Stage) -> None:
    mask = Image.new("L", stage.colours.size)
    brush = ImageDraw.Draw(mask)
    for thing in stage.scene.objects:
        if thing.label == "sign":
            continue
        for x1, _, x2, y2 in thing.members or (thing.full,):
            lift, reach = 0.16 * (x2 - x1) + 1, 0.04 * (x2 - x1)
            brush.ellipse(
                [SCALE * v for v in (x1 - reach, y2 - lift, x2 + reach, y2 + 0.4 * lift)], fill=120
            )
    mask = mask.filter(ImageFilter.BoxBlur(SCALE * 1.5))
    stage.colours.paste((28, 28, 40), (0, 0), mask)


def _paint_thing(stage: Stage, thing: Thing) -> None:
    if thing.label == "sign":
        centre_px = (thing.full[0] + thing.full[2]) / 2
        x = (centre_px - stage.scene.vanish_px[0]) * thing.depth_m / stage.scene.focal_px
        stage.front((128, 132, 138), (x - 0.04, x + 0.04), (0, 2.2), thing.depth_m)
    figures.paint(ImageDraw.Draw(stage.colours), thing, SCALE)
    if stage.scene.night and not thing.members:
        figures.shine(ImageDraw.Draw(stage.lights), thing, SCALE)


def _develop(stage: Stage) -> Image.Image:
    """The finished picture: scaled down, lit when it is night, with a camera's noise."""
    size_wh = (stage.scene.width, stage.scene.height)
    picture = _floats(stage.colours.reduce(SCALE))
    if stage.scene.night:
        lights = stage.lights.reduce(SCALE)
        picture = picture * (NIGHT_AMBIENT + _floats(_pools(stage)) * 0.95)
        reach = max(size_wh) / 100
        for gain, blur in ((1.0, 0.0), (0.9, reach), (0.8, 4 * reach)):
            glow = lights.filter(ImageFilter.GaussianBlur(blur)) if blur else lights
            picture = picture + gain * _floats(glow)
    rng = np.random.default_rng([stage.scene.tint, 1])
    noise = rng.integers(-6, 7, (size_wh[1], size_wh[0], 1)) / 255
    picture = picture + noise * (1.0 if stage.scene.night else 0.5)
    return Image.fromarray(np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def _pools(stage: Stage) -> Image.Image:
    """What lamps and head lights throw on the street, at the picture's size."""
    scene = stage.scene
    pools = Image.new("RGB", (scene.width, scene.height))
    brush = ImageDraw.Draw(pools)
    for depth in (*LAMP_DEPTHS_M, 3.0):
        for side in (-1, 1):
            centre = side * 1.8
            left, top = scene.project(centre - 3.2, 0, depth + 2.2)
            right, _ = scene.project(centre + 3.2, 0, depth)
            _, bottom = scene.project(centre, 0, max(1.0, depth - 2.2))
            brush.ellipse((left, top - 0.25 * (right - left), right, bottom), fill=(168, 132, 88))
    for thing in scene.objects:
        if thing.look == "front":
            (x1, _, x2, y2), wide = thing.full, thing.full[2] - thing.full[0]
            brush.ellipse(
                (x1 - 0.3 * wide, y2 - 0.2 * wide, x2 + 0.3 * wide, y2 + 0.4 * wide),
                fill=(226, 214, 180),
            )
    pools = pools.filter(ImageFilter.GaussianBlur(max(pools.size) / 40))
    brush = ImageDraw.Draw(pools)
    for thing in scene.objects:
        if thing.label == "sign":
            # Signs throw head lights back.
            brush.polygon(figures.outline(thing), fill=(186, 180, 160))
    return pools


def _floats(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64) / 255
