"""Compares the handlers' pictures with those of Pillow and libvips. Called by ../pictures.rs, to which it
writes requests as lines of JSON, and which answers each with a line.

    compare.py SCRATCH TRIALS [MORE]     folders: for its files, and with files of others, if they are there
"""

import io
import json
import pathlib
import sys
import time

import numpy as np
import pyvips
from PIL import Image, ImageCms, ImageFile, ImageOps

import files

Image.MAX_IMAGE_PIXELS = None
# The trials' files lack their end, or more.
ImageFile.LOAD_TRUNCATED_IMAGES = True
SRGB = ImageCms.createProfile("sRGB")
SPACES = {"RGB ": ("RGB", "RGBA"), "GRAY": ("L", "LA"), "CMYK": ("CMYK",)}
# Of the trials: what is to be refused, though the references open it.
REFUSED = {"bomb-scans-3000.jpg", "lossless-sof3.jpg"}
# The mean difference of a channel, of 255, premultiplied: of a lossless file, of another, of a fifth.
EXACT, CLOSE, SMALL = 0.02, 1.0, 2.5


class Handlers:
    def __init__(self, scratch):
        self.input, self.output, self.calls = scratch / "in", scratch / "out", 0

    def call(self, handler, data, **params):
        """The result as a file's bytes, or the error as a string."""
        self.calls += 1
        self.input.write_bytes(data)
        request = {"handler": handler, "params": params, "input": str(self.input), "output": str(self.output)}
        print(json.dumps(request), flush=True)
        answer = json.loads(sys.stdin.readline())
        return answer["error"] if "error" in answer else self.output.read_bytes()

    def pixels(self, data, size=None, **params):
        params |= {"format": "png", "palette": "never"}
        if size is None:
            made = self.call("image.thumbnail", data, size=60000, **params)
        else:
            made = self.call("image.resize", data, width=size[0], height=size[1], fit="fill", **params)
        return made if isinstance(made, str) else np.asarray(Image.open(io.BytesIO(made)).convert("RGBA"))


def by_pillow(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(float)
        image = Image.fromarray((wide * 255 / 65535 + 0.5).clip(0, 255).astype("u1"))
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if profile := image.info.get("icc_profile"):
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode in SPACES.get(profile.profile.xcolor_space, ()):
                opacity = image.getchannel("A") if image.mode.endswith("A") else None
                plain = image.convert(image.mode.removesuffix("A")) if opacity else image
                image = ImageCms.profileToProfile(plain, profile, SRGB, outputMode="RGB")
                if opacity:
                    image.putalpha(opacity)
        except (ImageCms.PyCMSError, OSError):
            pass
    return np.asarray(image.convert("RGBA"))


def by_libvips(data):
    image = pyvips.Image.new_from_buffer(data, "")
    if image.get_typeof("icc-profile-data"):
        try:
            image = image.icc_transform("srgb", embedded=True).copy_memory()
        except pyvips.Error:
            image = pyvips.Image.new_from_buffer(data, "")
    image = image.autorot().colourspace("srgb").cast("uchar")
    return files.full(image.numpy().astype("u1"))


REFERENCES = {"Pillow": by_pillow, "libvips": by_libvips}


def premultiplied(pixels):
    pixels = pixels.astype("f4")
    pixels[..., :3] *= pixels[..., 3:] / 255
    return pixels


def difference(left, right):
    if left.shape != right.shape:
        return 255.0
    return float(np.abs(premultiplied(left) - premultiplied(right)).mean())


def shrunk(pixels, size):
    channels = np.moveaxis(premultiplied(pixels), 2, 0)
    small = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.LANCZOS)) for one in channels]
    small = np.stack(small, -1).clip(0, 255)
    with np.errstate(divide="ignore", invalid="ignore"):
        small[..., :3] = np.where(small[..., 3:] > 0, small[..., :3] * 255 / small[..., 3:], 0)
    return small.clip(0, 255)


def a_fifth(pixels):
    return max(1, pixels.shape[1] // 5), max(1, pixels.shape[0] // 5)


class Report:
    def __init__(self):
        self.problems, self.compared = [], 0

    def check(self, what, found, expected, most):
        self.compared += 1
        if isinstance(found, str):
            self.problems.append(f"{what}: refused: {found[:300]}")
            return
        value = difference(found, expected)
        if value > most:
            sizes = f"{found.shape[1]} x {found.shape[0]}, {expected.shape[1]} x {expected.shape[0]}"
            self.problems.append(f"{what}: differs by {value:.2f} ({most}): {sizes}")


def compare(case, handlers, report):
    expected = {} if case.truth is None else {"the truth": case.truth}
    left_out = {name for name, _ in case.but}
    for name, read in REFERENCES.items():
        if name not in left_out:
            try:
                expected[name] = read(case.like)
            except (OSError, ValueError, pyvips.Error) as error:
                report.problems.append(f"{case.name}: {name} can't read it: {error}")
    found = handlers.pixels(case.data)
    if isinstance(found, str):
        report.problems.append(f"{case.name}: refused: {found[:300]}")
        return
    small = handlers.pixels(case.data, a_fifth(found))
    for name, pixels in expected.items():
        most = case.most or (EXACT if case.truth is not None else CLOSE)
        report.check(f"{case.name} beside {name}", found, pixels, most)
        size = a_fifth(found)
        label = f"{case.name} at {size[0]} x {size[1]} beside {name}"
        report.check(label, small, shrunk(pixels, size), case.small or SMALL)


def compare_outputs(handlers, report):
    """What the handlers write, as Pillow and libvips read it."""
    for name, pixels in (("rgb", files.RGB), ("rgba", files.RGBA), ("grey", files.GREY)):
        data = files.png(pixels, 8, {"rgb": 2, "rgba": 6, "grey": 0}[name])
        on_white = premultiplied(files.full(pixels))
        on_white = files.full((on_white[..., :3] + 255 - on_white[..., 3:]).round().astype("u1"))
        for kind, options, most in (
            ("png", {}, 0.0),
            ("png", {"palette": "always"}, 9.0),
            ("webp", {"lossless": True}, 0.02),
            ("webp", {"quality": 90}, 5.0),
            ("gif", {}, 9.0),
            ("jpeg", {"quality": 95}, 2.0),
            ("jpeg", {"quality": 80, "progressive": True}, 5.0),
        ):
            truth = on_white if kind == "jpeg" else files.full(pixels)
            if kind == "gif":
                truth = truth.copy()
                truth[..., 3] = np.where(truth[..., 3] < 128, 0, 255)
            made = handlers.call("image.thumbnail", data, size=60000, format=kind, **options)
            for reference, read in REFERENCES.items():
                label = f"{name} as {kind} {options} for {reference}"
                report.check(label, made if isinstance(made, str) else read(made), truth, most)


def frames_of(data):
    """Pixels and milliseconds of each; frames that show the same are one."""
    image = Image.open(io.BytesIO(data))
    frames = []
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        pixels = np.asarray(image.convert("RGBA"))
        if frames and difference(frames[-1][0], pixels) == 0:
            frames[-1][1] += image.info["duration"]
        else:
            frames.append([pixels, image.info["duration"]])
    return frames


def compare_refusals(handlers, report):
    for name, data, expected in files.refused():
        for size in (None, (20, 15)):
            found = handlers.pixels(data, size)
            report.compared += 1
            if not isinstance(found, str):
                report.problems.append(f"{name}: it is opened: move it to the files that are compared")
            elif expected not in found:
                report.problems.append(f"{name}: its refusal does not say {expected!r}: {found[:300]}")


def compare_animations(handlers, report):
    for name, kind, data in files.animations():
        expected = frames_of(data)
        report.check(f"{name}, the first frame", handlers.pixels(data), expected[0][0], CLOSE)
        for output in ("gif", "webp"):
            label = f"{name} as {output}"
            lossless = {"lossless": True} if output == "webp" else {}
            made = handlers.call("image.thumbnail", data, size=60000, animation="keep", format=output, **lossless)
            if isinstance(made, str):
                report.problems.append(f"{label}: refused: {made}")
                continue
            found = frames_of(made)
            times = [frame[1] for frame in found], [frame[1] for frame in expected]
            if times[0] != times[1]:
                report.problems.append(f"{label}: its times are {times[0]} instead of {times[1]}")
            for number, (one, other) in enumerate(zip(found, expected)):
                # A lossy frame has soft edges of opacity that a GIF can't express.
                most = 0.02 if "lossless" in name or kind == "gif" else 3.0
                report.check(f"{label}, frame {number}", one[0], other[0], most)


def compare_folder(folder, handlers, report):
    """Files of others: what both references open alike has to be the same here."""
    endings = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".tif", ".tiff"}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in endings or path.name.endswith(".expected.png"):
            continue
        data = path.read_bytes()
        try:
            pillow, libvips = by_pillow(data), by_libvips(data)
        except Exception:  # a reference refuses it
            continue
        if difference(pillow, libvips) > CLOSE:
            continue
        if path.name in REFUSED:
            continue
        found = handlers.pixels(data, damaged="accept")
        report.check(path.name, found, pillow, 2.5)
        size = a_fifth(pillow)
        report.check(f"{path.name} at a fifth", handlers.pixels(data, size, damaged="accept"), shrunk(pillow, size), 4.0)


def main():
    start = time.monotonic()
    scratch, *others = map(pathlib.Path, sys.argv[1:])
    handlers, report = Handlers(scratch), Report()
    count = 0
    for case in files.cases():
        compare(case, handlers, report)
        count += 1
    compare_outputs(handlers, report)
    compare_animations(handlers, report)
    compare_refusals(handlers, report)
    for folder in others:
        if folder.is_dir():
            compare_folder(folder, handlers, report)
    for problem in report.problems:
        print(problem)
    seconds = time.monotonic() - start
    print(f"{count} files, {handlers.calls} calls, {report.compared} comparisons, {len(report.problems)} problems, {seconds:.0f} s")
    sys.exit(1 if report.problems else 0)


if __name__ == "__main__":
    main()
