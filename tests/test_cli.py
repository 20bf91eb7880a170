"""The command line: finding commands, `info`, `show`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dctdecode
import numpy as np
import pytest
from dctdecode.cli import COMMANDS, main
from dctdecode.quality import estimate_quality
from PIL import Image


def photo(folder: Path, name: str = "photo.jpg", mode: str = "RGB", **options) -> str:
    """A made-up picture of 37 x 21 px (width x height) as a JPEG file."""
    y, x = np.mgrid[0:21, 0:37]
    pixels = np.stack([6 * x, 10 * y, 3 * (x + y)], axis=-1).clip(0, 255).astype(np.uint8)
    path = folder / name
    Image.fromarray(pixels).convert(mode).save(path, "JPEG", **{"subsampling": "4:2:0", **options})
    return str(path)


def rows_of(text: str) -> dict[str, str]:
    """The labelled rows of `info`'s text: label -> value."""
    lines = [line.strip().split(None, 1) for line in text.splitlines() if line.startswith("  ")]
    return {label: rest[0] if rest else "" for label, *rest in lines if label}


@pytest.mark.parametrize("name", [None, *(command.name for command in COMMANDS)])
def test_help_teaches_by_example(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"] if name else ["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "examples:" in text
    assert f"dctdecode {name or 'info'} " in text


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"{command.name} " in text
        assert command.summary in text


def test_version_names_libjpeg_turbo(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert dctdecode.__version__ in text
    assert f"built with {dctdecode.__libjpeg_turbo_version__}" in text


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["info"], ["info", "--nonsense", "x.jpg"]])
def test_wrong_arguments_are_code_2(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: dctdecode" in capsys.readouterr().err


def test_runs_as_a_module(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "dctdecode", "info", photo(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert "37 x 21 px" in ran.stdout


def test_a_closed_pipe_is_no_error(tmp_path):
    ran = subprocess.run(
        f"{sys.executable} -m dctdecode info {' '.join([photo(tmp_path)] * 400)} | head -n 1",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout.strip().endswith("photo.jpg")
    assert ran.stderr == ""


def test_info_of_the_worked_image(tmp_path, capsys):
    path = photo(tmp_path, quality=80)
    assert main(["info", path]) == 0
    out = capsys.readouterr().out
    assert out.startswith(path)
    rows = rows_of(out)
    assert rows["size"] == "37 x 21 px (width x height), 0.00 MP"
    assert rows["file"].startswith(f"{Path(path).stat().st_size:,} bytes, ")
    assert rows["colour"] == "YCbCr, 4:2:0"
    assert rows["process"] == "sequential, Huffman, 8 bit"
    assert rows["decoder"] == "dctdecode"
    assert rows["quality"].startswith("80 (")
    assert rows["restarts"] == "none"
    assert rows["orientation"] == "1 (upright)"
    assert rows["Y"].split() == ["2", "x", "2", "5", "x", "3", "A"]
    assert rows["Cb"].split() == rows["Cr"].split() == ["1", "x", "1", "3", "x", "2", "B"]
    assert "table A (Y)" in out
    assert "table B (Cb, Cr)" in out


def test_info_shows_the_tables_as_they_are(tmp_path, capsys):
    path = photo(tmp_path, mode="L", quality=50)
    main(["info", path])
    lines = capsys.readouterr().out.splitlines()
    first = next(i for i, line in enumerate(lines) if "table A (Y)" in line)
    shown = [[int(value) for value in line.split()] for line in lines[first + 1 : first + 9]]
    assert shown == dctdecode.info(path).quant_tables[0].tolist()
    assert shown[0] == [16, 11, 10, 16, 24, 40, 51, 61]  # T.81 table K.1


def test_info_says_what_is_special(tmp_path, capsys):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = photo(tmp_path, progressive=True, subsampling="4:4:4", restart_marker_blocks=2, exif=exif)
    main(["info", path])
    rows = rows_of(capsys.readouterr().out)
    assert rows["process"] == "progressive, Huffman, 8 bit"
    assert rows["decoder"] == "libjpeg-turbo"
    assert rows["restarts"] == "every 2 MCUs"
    assert rows["orientation"] == "6 (turn clockwise by 90 degrees)"
    assert rows["colour"] == "YCbCr, 4:4:4"


def test_info_of_gray_and_cmyk(tmp_path, capsys):
    main(["info", photo(tmp_path, "gray.jpg", "L"), photo(tmp_path, "cmyk.jpg", "CMYK")])
    gray, cmyk = capsys.readouterr().out.split("cmyk.jpg")
    assert rows_of(gray)["colour"] == "gray"
    assert {"C", "M", "Y", "K"} <= rows_of(cmyk).keys()


def test_info_as_json(tmp_path, capsys):
    paths = [photo(tmp_path, "a.jpg", quality=75), photo(tmp_path, "b.jpg", "L")]
    assert main(["info", "--json", *paths]) == 0
    color, gray = json.loads(capsys.readouterr().out)
    assert color["path"] == paths[0]
    assert (color["height"], color["width"]) == (21, 37)
    assert color["subsampling"] == "4:2:0"
    assert color["decoder"] == "dctdecode"
    assert color["quality"] == {"value": 75, "exact": True}
    assert [c["name"] for c in color["components"]] == ["Y", "Cb", "Cr"]
    assert color["components"][1]["grid_blocks"] == {"height": 2, "width": 3}
    assert color["components"][0]["sampling"] == {"v": 2, "h": 2}
    assert color["components"][0]["quant_table"] == dctdecode.info(paths[0]).quant_tables[0].tolist()
    assert color["bits_per_pixel"] == pytest.approx(8 * Path(paths[0]).stat().st_size / 777, abs=1e-4)
    assert [c["name"] for c in gray["components"]] == ["Y"]


def test_info_shows_the_good_files_and_fails(tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"GIF89a")
    good = photo(tmp_path)
    assert main(["info", str(bad), str(tmp_path / "missing.jpg"), good]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(good)
    first, second = err.splitlines()
    assert first.startswith(f"dctdecode info: {bad}: not a JPEG")
    assert "missing.jpg" in second
    assert main(["info", "--json", str(bad), good]) == 1
    records = json.loads(capsys.readouterr().out)
    assert "not a JPEG" in records[0]["error"]
    assert records[1]["width"] == 37


@pytest.mark.parametrize("quality", [*range(5, 100, 5), 98, 100])
def test_quality_is_that_of_the_encoder(tmp_path, quality):
    table = dctdecode.info(photo(tmp_path, quality=quality)).quant_tables[0]
    assert estimate_quality(table) == (quality, True)


def test_quality_of_foreign_tables_is_the_nearest(tmp_path):
    table = dctdecode.info(photo(tmp_path, quality=60)).quant_tables[0].copy()
    table[3, 3] += 1
    assert estimate_quality(table) == (60, False)


@pytest.mark.parametrize(("channels", "mode"), [("24", "RGB"), ("0,1,64", "RGB"), ("learned-24", "L")])
def test_show_writes_a_picture(tmp_path, capsys, channels, mode):
    output = tmp_path / "see.png"
    assert main(["show", photo(tmp_path, mode=mode), "--channels", channels, "-o", str(output)]) == 0
    assert capsys.readouterr().out == f"wrote {output}\n"
    with Image.open(output) as picture:
        colors = picture.convert("RGB").getcolors(2**24)
    assert picture.width > picture.height > 800
    assert len(colors) > 200


def test_show_draws_the_selected_channels_only(tmp_path):
    from dctdecode.commands.show import draw
    from matplotlib.figure import Figure

    figure = draw(Figure(), photo(tmp_path), dctdecode.ChannelSet(y=[0, 9], cr=[0]))
    titles = [axes.get_title(loc="left") for axes in figure.axes[:8]]
    assert titles[0] == "3 channels"
    assert titles[1:4] == ["Y: 2 channels", "Cb: no channels", "Cr: 1 channel"]
    assert titles[6].startswith("Cb: 0.0% of the energy")
    assert [len(axes.patches) for axes in figure.axes[5:8]] == [2, 0, 1]  # frames in the heat maps
    mosaic = figure.axes[1].images[0].get_array()
    height, width = mosaic.shape[0] // 8, mosaic.shape[1] // 8

    def middle(v: int, u: int) -> np.ndarray:
        return np.asarray(mosaic[v * height + height // 2, u * width + width // 2])

    unselected = middle(2, 3)
    assert [tuple(i) for i in np.ndindex(8, 8) if (middle(*i) != unselected).any()] == [(0, 0), (1, 1)]


def test_show_says_what_is_wrong(tmp_path, capsys):
    path = photo(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["show", path, "--channels", "25"])
    assert ended.value.code == 2
    assert "no preset '25'; there are 6, 24" in capsys.readouterr().err
    assert main(["show", path, "-o", str(tmp_path / "see.nonsense")]) == 1
    assert "nonsense" in capsys.readouterr().err
    assert main(["show", str(tmp_path / "missing.jpg")]) == 1
    assert "missing.jpg" in capsys.readouterr().err
    assert main(["show", photo(tmp_path, "cmyk.jpg", "CMYK"), "-o", str(tmp_path / "x.png")]) == 1
    assert "CMYK" in capsys.readouterr().err


def test_show_without_matplotlib_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["show", photo(tmp_path)]) == 1
    assert 'pip install "dctdecode[plot]"' in capsys.readouterr().err


def test_the_package_imports_nothing_optional():
    code = (
        "import sys, dctdecode;"
        "optional = {'matplotlib', 'PIL', 'cv2', 'simplejpeg', 'jpeg2dct', 'sklearn', 'dctdecode.cli'};"
        "print(sorted(optional & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_misspelt_decoder_in_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("DCTDECODE_DECODER", "libjpeg")
    assert main(["info", "any.jpg"]) == 1
    assert capsys.readouterr().err.startswith("dctdecode info: DCTDECODE_DECODER in the environment must be")
