from __future__ import annotations

import subprocess
import sys

import pytest

import cleanplate


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'cv2', 'PIL', 'sqlalchemy', 'fastapi', 'pydantic'}"
    code = f"import sys, cleanplate; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_found() -> None:
    for name in cleanplate.__all__:
        assert getattr(cleanplate, name) is not None
        assert name in dir(cleanplate)


def test_the_version_is_that_of_the_installed_package() -> None:
    assert cleanplate.__version__[0].isdigit()


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'watermark'"):
        _ = cleanplate.watermark  # pyright: ignore[reportAttributeAccessIssue]  # that is the test
