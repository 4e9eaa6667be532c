"""curate demo: its dry run; what it draws is tested in tests/test_walkthrough.py."""

from __future__ import annotations


def test_a_dry_run_draws_nothing(curate, here):
    code, out, err = curate("demo", "-o", "street", "--dry-run")
    assert (code, err) == (0, "")
    assert out == "street can be drawn; nothing written (--dry-run)\n"
    assert list(here.iterdir()) == []


def test_a_dry_run_refuses_what_the_real_one_would(curate, coco, files):
    coco("street/instances.json")
    before = files()
    code, out, err = curate("demo", "-o", "street", "--dry-run")
    assert (code, out) == (2, "")
    assert err == "curate: street: exists already - choose another folder or add --force\n"
    assert files() == before
