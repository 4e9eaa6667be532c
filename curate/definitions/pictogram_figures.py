"""What pictograms are drawn of: strokes (see `pictograms`), colours, and figures used again."""

from __future__ import annotations

COLOURS = {
    "paper": "#f4f6f8", "edge": "#cbd3da", "ground": "#aab6c0", "coat": "#2f7fb5",
    "legs": "#3d4f63", "skin": "#d9a27c", "hair": "#4a3426",
    "metal": "#7d8b98", "tyre": "#39424c", "frame": "#8a5a33", "wood": "#a97948",
    "glass": "#bfe0ee", "shine": "#ffffff", "stone": "#a3a9ad", "stone_dark": "#878e94",
    "plaster": "#d9bd97", "plaster_dark": "#a98a63", "pale": "#b9c6d1", "ink": "#1f2933",
    "white": "#ffffff", "red": "#c8443c", "screen": "#1e2a36", "glow": "#79b8d8",
    "glow_dark": "#4b8cb0", "leaf": "#5f9a57", "car": "#d3584a", "far": "#8497a8",
    "far_dark": "#71849a", "hat": "#d58a1e", "child": "#d9702f",
    "pane": "#bfe0ee88", "glow_back": "#24405a",
    "wall": "#d9c3b0", "wall_dark": "#b99f89", "night": "#222c38", "night_dark": "#18202a",
    "night_pale": "#46525f", "night_figure": "#344252",
}  # fmt: skip
# The colours of a figure, by what it is made of.
PALETTES: dict[str, dict[str, str]] = {
    "live": {},
    "child": {"coat": "child"},
    "stone": {"skin": "stone", "hair": "stone", "coat": "stone", "legs": "stone_dark"},
    "plaster": {
        "skin": "plaster", "hair": "plaster", "coat": "plaster_dark", "legs": "plaster_dark",
    },
    "glow": {"skin": "glow", "hair": "glow", "coat": "glow", "legs": "glow_dark"},
    "mirrored": {"coat": "glow_dark", "skin": "plaster_dark", "legs": "far_dark", "hair": "far"},
    "night": dict.fromkeys(("skin", "hair", "coat", "legs"), "night_figure"),
    "far": {"skin": "far", "hair": "far", "coat": "far", "legs": "far_dark"},
}  # fmt: skip
# People are 80 units high, their feet at (0, 0) of the figure, facing right.
FIGURES = {
    "stand": """
line:6 legs -4,-34 -4.5,-3
line:6 legs 4,-34 4.5,-3
line:15 coat 0,-54 0,-40
line:5 coat -9,-57 -11.5,-40
line:5 coat 9,-57 11.5,-40
disc skin -11.5,-36 3
disc skin 11.5,-36 3
disc skin 0,-71 8
fill hair -8,-72 -6,-78 0,-80 6,-78 8,-72 3,-75 -4,-75
""",
    "walk": """
line:6 legs -1,-34 -5,-20 -14,-4
line:6 legs 2,-34 7,-19 12,-3
line:5 coat -4,-57 -14,-43
disc skin -15.5,-40 3
line:15 coat 0,-54 0,-40
line:5 coat 4,-56 14,-45
disc skin 16,-42.5 3
disc skin 1,-71 8
fill hair -7,-70 -6,-78 0,-80 7,-78 9,-73 3,-75 -3,-75
""",
    "sit": """
line:4 wood -11,-52 -11,-2
line:4 wood -11,-24 14,-24
line:4 wood 13,-24 13,-2
line:6.5 legs 0,-30 19,-30 19,-4 24,-3
line:15 coat 0,-50 0,-37
line:5 coat 2,-52 8,-40 17,-38
disc skin 19,-38 3
disc skin 1,-67 8
fill hair -7,-66 -6,-74 0,-76 7,-74 9,-69 3,-71 -3,-71
""",
    "lie": """
line:6 legs -2,-8 16,-6 38,-5
line:6 legs -2,-9 17,-13 36,-5
line:14 coat -24,-9 -8,-9
line:5 coat -20,-8 -8,-5 2,-4
disc skin -38,-8 8
fill hair -38,-16 -44,-14 -46,-8 -44,-2 -41,-8
""",
    "squat": """
line:6 legs -4,-14 12,-22 6,-3 12,-3
line:15 coat -1,-38 -4,-22
line:5 coat 2,-40 12,-24 18,-10
disc skin 19,-7 3
disc skin 5,-54 8
fill hair -3,-53 -2,-61 4,-63 11,-61 13,-56 7,-58 1,-58
""",
    "rider": """
line:6.5 legs -8,-37 5,-25 -2,-8
line:15 coat -6,-44 2,-57
line:5 coat 4,-60 14,-47 18,-44
disc skin 19,-43 3
disc skin 8,-73 8
fill hat -1,-73 1,-80 8,-82.5 15,-80 17,-74
""",
    "infant": """
line:5 legs -2,-4 7,-2 8,10
line:12 coat -1,-20 0,-8
line:4 coat 0,-20 -8,-13
disc skin 0,-31 7
fill hair -7,-31 -5,-37 0,-39 5,-37 7,-32 2,-34 -3,-34
""",
    "bicycle": """
ring:3 tyre -22,-13 12
ring:3 tyre 23,-13 12
line:2.6 red -22,-13 -3,-12 -10,-33 -22,-13
line:2.6 red -3,-12 16,-31 -9,-30
line:2.6 red 23,-13 15,-40 20,-42
line:3.5 tyre -15,-34 -5,-34
""",
    "bust": """
line:20 coat -9,0 9,0
line:15 coat -12,3 12,3
line:7 skin 0,-14 0,-9
disc skin 0,-22 10
fill hair -10,-22 -8,-31 0,-34 8,-31 10,-23 4,-27 -5,-27
""",
    "face": """
disc skin 0,0 20
fill hair -20,1 -19,-13 -10,-22 0,-24 10,-22 19,-13 20,1 14,-10 0,-13 -14,-10
disc ink -7,-2 2
disc ink 7,-2 2
line:1.8 ink 0,1 -1.5,6 1,6
line:2 red -6,11 0,13 6,11
""",
    "statue": """
line:6 legs -4,-34 -4.5,-3
line:6 legs 4,-34 4.5,-3
line:15 coat 0,-54 0,-40
line:5 coat -9,-57 -14,-47 -8,-41
line:5 coat 8,-58 18,-66 26,-76
disc skin 0,-71 8
""",
    "dummy": """
line:6 legs -4,-32 -4.5,-4
line:6 legs 4,-32 4.5,-4
line:15 coat 0,-54 0,-41
line:5 skin -9,-57 -12,-40
line:5 skin 9,-57 12,-40
line:5 skin 0,-62 0,-66
disc skin 0,-72 7.5
line:1.2 legs -7,-34 7,-34
line:1.2 legs -7.5,-60 7.5,-60
disc legs -11,-47 1.6
disc legs 11,-47 1.6
disc legs -4.3,-18 1.6
disc legs 4.3,-18 1.6
""",
    "shoulders": """
line:11 skin 0,18 0,30
fill coat -34,56 -31,38 -18,30 18,30 31,38 34,56
""",
}
_GROUND = "line:2 ground 8,83 112,83"
PICTOGRAMS = {
    "person.pedestrian": f"""{_GROUND}
use walk live 60,82 0.86
box 42,9 78,84
""",
    "person.rider": f"""{_GROUND}
use bicycle live 60,82 1
use rider live 58,82 0.92
box 43,4 80,78
""",
    "person.rider_with_vehicle": f"""{_GROUND}
use bicycle live 60,82 1
use rider live 58,82 0.92
box 23,4 98,84
""",
    "person.sitting": f"""{_GROUND}
use sit live 55,82 0.95
box 44,7 81,84
""",
    "person.lying": f"""{_GROUND}
use lie live 62,82 1.1
box 11,63 106,83
""",
    "person.other_posture": f"""{_GROUND}
use squat live 56,82 1.1
box 44,11 82,84
""",
    "person.unstated_posture": f"""{_GROUND}
use stand live 60,82 0.84
box 42,14 78,84
""",
    "person.carried_child": f"""{_GROUND}
use stand live 52,82 0.92
use infant child 66,52 0.9
line:5 coat 60,31 65,47 74,49
disc skin 75,49 3
own 38,7 66,84
box 59,17 80,66
""",
    "person.inside_vehicle": f"""{_GROUND}
fill car 8,70 10,50 26,46 40,24 78,24 94,46 110,52 112,70
fill glass 33,46 44,29 58,29 58,46
fill glass 62,29 76,29 87,46 62,46
use bust live 71,50 0.62
rect car 8,47 112,72
line:1.5 edge 60,28 60,68
disc tyre 30,72 11
disc metal 30,72 5
disc tyre 88,72 11
disc metal 88,72 5
box 60,27 84,49
""",
    "person.behind_glass": f"""{_GROUND}
use walk live 60,81 0.84
fill pane 22,8 98,8 98,83 22,83
line:3 metal 22,8 98,8 98,83 22,83 22,8
line:2 metal 60,8 60,10
line:3 shine 28,40 50,14
line:3 shine 30,52 42,38
line:3 shine 72,74 92,50
box 42,11 78,81
""",
    "person.reflection": f"""{_GROUND}
fill frame 62,6 108,6 108,83 62,83
fill glass 66,10 104,10 104,79 66,79
use stand mirrored 85,79 0.8
line:2.5 shine 68,34 80,13
line:2.5 shine 92,76 102,56
use stand live 30,82 0.86
own 17,10 43,84
box 72,13 98,80
""",
    "person.depiction_photo": f"""{_GROUND}
rect wall 8,4 112,83
line:1 wall_dark 8,20 112,20
line:1 wall_dark 8,36 112,36
line:1 wall_dark 8,52 112,52
line:1 wall_dark 8,68 112,68
line:1 wall_dark 24,4 24,20
line:1 wall_dark 18,20 18,36
line:1 wall_dark 26,36 26,52
line:1 wall_dark 18,52 18,68
line:1 wall_dark 98,20 98,36
line:1 wall_dark 104,36 104,52
line:1 wall_dark 97,52 97,68
line:1 wall_dark 104,4 104,20
rect white 34,8 86,80
fill glow 38,16 82,16 82,50 38,50
fill leaf 38,50 82,50 82,64 38,64
use stand live 60,62 0.54
line:2 ink 40,69 80,69
line:2 ink 40,75 68,75
disc red 60,11.5 1.8
box 50,17 70,63
""",
    "person.depiction_drawing": f"""{_GROUND}
rect frame 24,5 96,81
rect white 28,9 92,77
ring:2.4 ink 60,25 9
disc ink 57,24 1.2
disc ink 63,24 1.2
line:1.6 ink 56,28 60,30 64,28
line:2.4 ink 60,34 60,54
line:2.4 ink 44,38 60,42 76,34
line:2.4 ink 48,72 60,54 72,72
box 42,13 79,75
""",
    "person.statue": f"""{_GROUND}
fill stone_dark 40,83 43,66 77,66 80,83
rect stone 36,79 84,84
rect stone 40,62 80,67
use statue stone 57,62 0.68
box 45,6 79,62
""",
    "person.mannequin": f"""{_GROUND}
fill pane 16,6 104,6 104,83 16,83
line:3 frame 16,6 104,6 104,83 16,83 16,6
rect metal 46,80 74,83
line:2.5 metal 60,50 60,80
use dummy plaster 60,78 0.82
line:2.5 shine 21,34 33,12
line:2.5 shine 90,76 99,58
box 46,10 74,79
""",
    "person.screen": f"""{_GROUND}
rect screen 14,10 106,72
fill glow_back 18,14 102,14 102,68 18,68
use bust glow 60,58 1.2
fill screen 16,68 104,68 104,73 16,73
line:5 screen 60,72 60,82
line:4 screen 44,83 76,83
box 37,17 83,68
""",
    "person.body_part": f"""{_GROUND}
use walk live 60,82 0.92
rect pale 16,5 104,52
line:1.5 far 16,14 104,14
line:1.5 far 16,23 104,23
line:1.5 far 16,32 104,32
line:1.5 far 16,41 104,41
line:4 metal 16,83 16,5 104,5 104,83
box 43,52 75,84
""",
    "person.group": f"""{_GROUND}
use stand far 20,70 0.6
use stand far 38,69 0.62
use stand far 56,70 0.6
use stand far 74,69 0.62
use stand far 92,70 0.6
use stand far 104,71 0.56
use stand far 29,77 0.66
use stand far 47,76 0.66
use stand far 65,77 0.66
use stand far 83,76 0.66
use stand far 12,78 0.62
use stand far 99,77 0.64
box 4,18 113,79
""",
    "person.hard_to_see": f"""{_GROUND}
fill night 8,5 112,5 112,83 8,83
disc night_pale 96,17 5
line:3 night_dark 26,83 26,40
disc night_dark 26,34 13
line:3 night_dark 92,83 92,52
disc night_dark 92,46 11
use walk night 58,80 0.66
box 44,25 72,82
""",
    "person.region": f"""{_GROUND}
line:1.4 ground 14,48 106,48
fill far 14,48 14,30 26,30 26,22 36,22 36,48
fill far 84,48 84,26 98,26 98,34 106,34 106,48
use stand live 44,52 0.26
use stand far 51,51 0.24
use walk live 59,52 0.26
use stand far 68,51 0.24
use stand live 76,52 0.27
box 36,27 84,55
""",
    "person.extent_not_used": f"""{_GROUND}
use stand live 60,82 0.92
rect wall 28,48 92,83
line:1 wall_dark 28,60 92,60
line:1 wall_dark 28,71 92,71
line:1 wall_dark 48,48 48,60
line:1 wall_dark 72,48 72,60
line:1 wall_dark 60,60 60,71
line:1 wall_dark 48,71 48,83
line:1 wall_dark 74,71 74,83
own 46,8 74,47
box 42,5 78,84
""",
    "person.unclear": f"""{_GROUND}
fill pale 44,20 76,16 82,46 74,80 46,80 38,48
box 34,12 86,83
""",
    "person.other": f"""{_GROUND}
line:6 frame 28,83 28,52
disc leaf 28,36 17
disc leaf 18,44 10
disc leaf 39,45 10
line:11 frame 74,58 92,58
line:4.5 frame 70,62 69,80
line:4.5 frame 77,62 78,80
line:4.5 frame 90,62 89,80
line:4.5 frame 96,62 98,80
line:4 frame 97,55 106,46
disc frame 66,48 8
fill hair 60,42 58,54 64,52
disc ink 64,47 1.4
box 55,37 110,84
""",
    "head.frontal": f"""{_GROUND}
use shoulders live 60,34 0.95
use face live 60,34 1
box 39,9 81,55
""",
    "head.turned_away": f"""{_GROUND}
use shoulders live 60,34 0.95
disc hair 60,33 20.5
fill hair 42,38 78,38 72,56 48,56
disc skin 39.5,37 3
disc skin 80.5,37 3
box 37,11 83,57
""",
    "head.covered": f"""{_GROUND}
use shoulders live 60,34 0.95
use face live 60,34 1
fill hat 38,30 40,18 48,10 60,7 72,10 80,18 82,30
line:4 hat 36,30 88,30
box 35,5 91,55
""",
    "head.half_hidden": f"""{_GROUND}
use shoulders live 60,34 0.95
use face live 60,34 1
rect wall 10,5 66,83
line:1 wall_dark 10,24 66,24
line:1 wall_dark 10,43 66,43
line:1 wall_dark 10,62 66,62
line:1 wall_dark 30,5 30,24
line:1 wall_dark 48,24 48,43
line:1 wall_dark 30,43 30,62
line:1 wall_dark 48,62 48,83
box 66,9 81,55
""",
    "head.depiction": f"""{_GROUND}
rect wall 8,4 112,83
line:1 wall_dark 8,30 112,30
line:1 wall_dark 8,57 112,57
line:1 wall_dark 24,4 24,30
line:1 wall_dark 18,30 18,57
line:1 wall_dark 98,30 98,57
line:1 wall_dark 104,4 104,30
rect white 32,7 88,81
fill glow 36,11 84,11 84,66 36,66
use bust live 60,60 1.25
fill white 36,66 84,66 84,76 36,76
line:2 ink 42,72 78,72
disc red 60,9 1.6
box 46,16 74,45
""",
    "head.reflection": f"""{_GROUND}
fill frame 54,6 110,6 110,83 54,83
fill glass 58,10 106,10 106,79 58,79
use shoulders mirrored 82,36 0.7
use face mirrored 82,36 0.75
line:2.5 shine 61,34 73,14
line:2.5 shine 94,76 104,58
use shoulders live 28,40 0.7
disc hair 28,40 15
fill hair 15,44 41,44 37,57 19,57
own 11,24 45,58
box 65,17 99,52
""",
    "head.region": f"""{_GROUND}
use bust far 20,74 0.8
use bust far 40,76 0.82
use bust far 60,74 0.8
use bust far 80,76 0.82
use bust far 100,74 0.8
box 8,43 112,70
""",
    "head.unclear": f"""{_GROUND}
fill pale 44,20 76,16 82,46 74,72 46,72 38,48
box 34,12 86,76
""",
    "head.other": f"""{_GROUND}
line:1.6 metal 60,56 62,70 58,83
disc red 60,34 20
fill red 56,58 64,58 60,53
line:2.5 shine 50,28 54,22
box 38,12 82,60
""",
}
