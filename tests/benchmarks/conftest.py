"""Keeps pytest off the scripts of this folder: they are run by hand, and import each other."""

collect_ignore_glob = [
    "bench_*.py",
    "make_*.py",
    "peers*.py",
    "coco_differences.py",
    "crop_peers.py",
    "planted_faults.py",
    "side_by_side.py",
]
