"""Trees: what is listed, and archives that must be refused."""

from __future__ import annotations

import lzma
import os
import stat
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import SourceError
from curate.formats import read
from curate.tree import ending_of, open_tree


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, body in members.items():
            out.writestr(name, body)
    return path


def test_folder_file_and_zip_list_the_same_files(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a b,ü\n.txt").write_bytes(b"1234")
    (folder / "z.txt").write_bytes(b"")
    packed = archive(tmp_path / "set.zip", {"sub/a b,ü\n.txt": b"1234", "z.txt": b""})
    expected = {"sub/a b,ü\n.txt": 4, "z.txt": 0}
    assert open_tree(folder).files == expected
    assert open_tree(packed).files == expected
    assert open_tree(packed).read("sub/a b,ü\n.txt") == b"1234"
    assert open_tree(folder / "z.txt").files == {"z.txt": 0}


def test_names_are_nfc_whatever_the_disk_holds(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café.txt")
    (tmp_path / decomposed).write_bytes(b"x")
    tree = open_tree(tmp_path)
    assert list(tree.files) == ["café.txt"]
    assert tree.read("café.txt") == b"x"


def test_an_undecodable_name_is_listed_and_read(tmp_path: Path) -> None:
    try:
        with open(os.fsencode(tmp_path) + b"/\xff.txt", "wb") as out:  # noqa: PTH123  # a name in bytes
            out.write(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    tree = open_tree(tmp_path)
    (name,) = tree.files
    name.encode("utf-8")
    assert tree.read(name) == b"x"


@pytest.mark.parametrize("name", ["../x.txt", "/x.txt", "a/../../x.txt", "C:/x.txt", "..\\x.txt"])
def test_a_member_that_leaves_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.zip", {"ok.txt": b""})
    info = zipfile.ZipInfo("ok.txt")
    info.filename = name
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(info, b"x")
    with pytest.raises(SourceError, match="leads out of the archive"):
        open_tree(path)


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("ok.txt")
    info.filename = ""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(info, b"x")
    with pytest.raises(SourceError, match=r"a\.zip: holds a member without a name"):
        open_tree(tmp_path / "a.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.json", b"0" * (20 << 20))
    with pytest.raises(SourceError, match="claims 20971520 bytes"):
        open_tree(path)


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(info, "/etc/hostname")
    with pytest.raises(SourceError, match="symbolic link"):
        open_tree(tmp_path / "a.zip")


def test_a_link_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "set" / "own.txt").write_text("x")
    (tmp_path / "set" / "inner.txt").symlink_to(tmp_path / "set" / "own.txt")
    assert sorted(open_tree(tmp_path / "set").files) == ["inner.txt", "own.txt"]


def test_links_that_are_not_followed_are_named_with_the_reason(tmp_path: Path) -> None:
    root = tmp_path / "set"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("x")
    (root / "again").symlink_to(root / "sub", target_is_directory=True)
    (root / "sub" / "up").symlink_to(root, target_is_directory=True)
    (root / "gone.txt").symlink_to(root / "nothing")
    (root / "self.txt").symlink_to(root / "self.txt")
    (root / "out.txt").symlink_to(tmp_path / "a.txt")
    tree = open_tree(root)
    assert list(tree.files) == ["sub/a.txt"]
    assert [(left.path, left.kind, left.reason) for left in tree.left_out] == [
        ("again", "linked folder", "a link to a folder"),
        ("gone.txt", "link", "a link that leads nowhere"),
        ("out.txt", "link", "a link that leads out of the source"),
        ("self.txt", "link", "a link that leads nowhere"),
        ("sub/up", "linked folder", "a link to a folder"),
    ]


def test_a_source_that_is_a_link_itself_is_followed(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.txt").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "set", target_is_directory=True)
    tree = open_tree(tmp_path / "link")
    assert (list(tree.files), tree.left_out) == (["a.txt"], ())


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_read(
    tmp_path: Path, unlistable
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.txt").write_text("x")
    deep = unlistable(tmp_path / "set", "b.txt")
    tree = open_tree(tmp_path / "set")
    assert list(tree.files) == ["a.txt"]
    assert [(left.path, left.kind, left.reason) for left in tree.left_out] == [
        (deep, "unreadable", "File name too long")
    ]


def test_an_archive_whose_member_is_damaged_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.txt", b"hello hello hello hello" * 9)
    body = bytearray(path.read_bytes())
    body[40:50] = b"\0" * 10
    path.write_bytes(bytes(body))
    with pytest.raises(SourceError, match="cannot be unpacked"):
        open_tree(path).read("a.txt")


def test_a_path_that_is_not_there_names_itself(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"nothing\.json: no such file or folder - check the path"
    ):
        open_tree(tmp_path / "nothing.json")


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_is_packed_otherwise_and_damaged_is_an_error(
    tmp_path: Path, way: int
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", way) as out:
        out.writestr("a.txt", b"hello hello hello hello" * 9)
    whole = path.read_bytes()
    n_refused = 0
    for at in range(35, whole.rfind(b"PK\x01\x02")):
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        try:
            body = open_tree(path).read("a.txt")
        except SourceError:
            n_refused += 1
        else:
            # The checksum lets nothing else pass.
            assert body == b"hello hello hello hello" * 9
    assert n_refused > 0


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_an_error(name: str) -> None:
    with pytest.raises(SourceError):
        open_tree(Path(name))
    with pytest.raises(SourceError):
        read(Path(name))


def test_what_macos_and_windows_leave_beside_files_is_no_label(tmp_path: Path) -> None:
    for name in ("a.json", "__MACOSX/._a.json", "sub/._a.json", "sub/.DS_Store", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    archive = tmp_path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as made:
        for path in tmp_path.rglob("*"):
            made.write(path, path.relative_to(tmp_path))
    assert list(open_tree(tmp_path).files) == list(open_tree(archive).files) == ["a.json"]


@pytest.mark.parametrize("rest", [".voc.k3x_1.part", ".voc.k3x_1.old"])
def test_what_a_killed_run_leaves_behind_is_no_label(tmp_path: Path, rest: str) -> None:
    for name in (f"{rest}/Annotations/a.xml", ".a.xml.4711.part", "real/a.part", ".b.old/c.xml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list(open_tree(tmp_path).files) == [".b.old/c.xml", "real/a.part"]


# Of names that begin or end in a point Pythons think differently.
names = st.lists(
    st.text(st.sampled_from("aB.é _"), min_size=1, max_size=6).filter(lambda n: n == n.strip(".")),
    min_size=1,
    max_size=3,
)


@given(names)
def test_the_ending_of_a_path_is_that_of_pathlib(parts: list[str]) -> None:
    name = "/".join(parts)
    assert ending_of(name) == PurePosixPath(name).suffix.lower()


def test_a_file_that_was_looked_at_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"0 1 2")
    tree = open_tree(tmp_path)
    assert tree.head("a.txt", 3) == b"0 1"
    assert tree.head("a.txt", 100) == b"0 1 2"
    (tmp_path / "a.txt").unlink()
    assert tree.head("a.txt", 3) == b"0 1"
    assert tree.read("a.txt") == b"0 1 2"
    with pytest.raises(SourceError, match="cannot be read"):
        tree.read("a.txt")


@pytest.mark.parametrize("now", [b"", b"short", b"as long", b"much longer than it was"])
def test_a_file_that_has_changed_since_it_was_listed_is_read_as_it_is(
    tmp_path: Path, now: bytes
) -> None:
    (tmp_path / "a.txt").write_bytes(b"as long")
    tree = open_tree(tmp_path)
    (tmp_path / "a.txt").write_bytes(now)
    assert tree.read("a.txt") == now


def test_a_member_that_wants_more_memory_than_there_is_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.json", "{}")

    def too_much(*_: object, **__: object) -> None:
        raise MemoryError

    # What a claim of 4 GB comes to depends on the machine.
    monkeypatch.setattr(lzma, "LZMADecompressor", too_much)
    with pytest.raises(SourceError, match="it wants too much memory"):
        open_tree(tmp_path / "s.zip").read("a.json")
