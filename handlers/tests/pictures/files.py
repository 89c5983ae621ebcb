"""Files of all kinds that the handlers read, made from one picture: by Pillow, by libvips, and by the
writers below where these have no option for it. The same files at each run."""

import io
import struct
import zlib

import numpy as np
import pyvips
from PIL import Image, ImageCms

import jpegs as own

WIDTH, HEIGHT = 203, 151


class Case:
    """A file. `truth` has its pixels (RGBA) where its format loses none; `but` names the references that
    are known to show it otherwise, with the reason; `most` is the mean difference allowed, of 255, and
    `small` that of a fifth; the references read `like` instead if that is given."""

    def __init__(self, name, data, truth=None, but=(), most=None, small=None, like=None):
        self.name, self.data, self.truth, self.but = name, data, truth, but
        self.most, self.small, self.like = most, small, like or data


def picture():
    """Gradients, waves, a chequerboard, lines and some noise; a soft and a hard edge of opacity."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    noise = np.random.default_rng(12).normal(0, 3, (HEIGHT, WIDTH, 3))
    red = 128 + 110 * np.sin(x / 23) * np.cos(y / 31)
    green = 255 * x / WIDTH
    blue = 255 * y / HEIGHT
    rgb = np.stack([red, green, blue], -1) + noise
    rgb[20:60, 20:60] = np.where(((x + y) // 5 % 2)[20:60, 20:60, None] > 0, 235, 20)
    rgb[90:93, :, :] = [250, 30, 30]
    rgb[:, 150:152, :] = [20, 20, 230]
    alpha = np.clip(300 - np.hypot(x - 90, y - 70) * 3, 0, 255)
    alpha[100:, 160:] = 0
    return np.concatenate([rgb, alpha[..., None]], -1).clip(0, 255).round().astype("u1")


RGBA = picture()
RGB = RGBA[..., :3].copy()
GREY = np.asarray(Image.fromarray(RGB).convert("L"))
BILEVEL = (GREY > 127).astype("u1")


def full(pixels):
    """RGBA of 8 bits of grey, grey and alpha, RGB or RGBA."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    channels = pixels.shape[2]
    colour = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, 2)
    alpha = pixels[..., -1:] if channels in (2, 4) else np.full_like(pixels[..., :1], 255)
    return np.concatenate([colour, alpha], 2)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# --- JPEG

EXIF_OF = {n: b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([n]) + b"\0\0\0\0\0\0" for n in range(9)}


def xmp(orientation, element=False):
    inner = (
        f"<rdf:Description><tiff:Orientation>{orientation}</tiff:Orientation></rdf:Description>"
        if element
        else f'<rdf:Description rdf:about="" tiff:Orientation="{orientation}"/>'
    )
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{inner}</rdf:RDF></x:xmpmeta>'.encode()


XMP_ONLY = [("libvips", "it reads no XMP")]
NO_PROFILE = [("libvips", "it takes a press's profile for CMYK without one")]


def jpegs():
    rgb, grey = Image.fromarray(RGB), Image.fromarray(GREY)
    for quality in (75, 92):
        for sampling in (0, 1, 2):
            for options in ({}, {"progressive": True}, {"restart_marker_blocks": 7}, {"restart_marker_rows": 1}):
                label = "-".join(["jpeg", str(quality), str(sampling), *options])
                yield Case(label, saved(rgb, "JPEG", quality=quality, subsampling=sampling, **options))
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}, {"optimize": True}):
        yield Case("-".join(["jpeg-grey", *options]), saved(grey, "JPEG", quality=90, **options))
    yield Case("jpeg-rgb-as-it-is", saved(rgb, "JPEG", quality=90, keep_rgb=True))
    cmyk = rgb.convert("CMYK")
    for sampling in (0, 2):
        for options in ({}, {"progressive": True}, {"restart_marker_blocks": 5}):
            label = "-".join(["jpeg-cmyk", str(sampling), *options])
            yield Case(label, saved(cmyk, "JPEG", quality=95, subsampling=sampling, **options), but=NO_PROFILE)
    for n in range(1, 9):
        yield Case(f"jpeg-exif-{n}", saved(rgb, "JPEG", quality=90, exif=EXIF_OF[n]))
    for n in (3, 6, 8):
        yield Case(f"jpeg-xmp-{n}", saved(rgb, "JPEG", quality=90, xmp=xmp(n)), but=XMP_ONLY)
        yield Case(f"jpeg-xmp-element-{n}", saved(rgb, "JPEG", quality=90, xmp=xmp(n, True)), but=XMP_ONLY)
    yield Case("jpeg-exif-1-xmp-6", saved(rgb, "JPEG", quality=90, exif=EXIF_OF[1], xmp=xmp(6)))
    vips = pyvips.Image.new_from_memory(RGB.tobytes(), WIDTH, HEIGHT, 3, "uchar").copy(interpretation="srgb")
    for options in (
        {"interlace": True, "optimize_scans": True},
        {"trellis_quant": True, "overshoot_deringing": True},
        {"subsample_mode": "off", "restart_interval": 9},
        {"subsample_mode": "on", "optimize_coding": True},
    ):
        yield Case("-".join(["jpeg-libvips", *options]), vips.jpegsave_buffer(Q=85, **options))
    part = Image.fromarray(RGB[:60, :80])
    for name, profile in profiles():
        # A wrong length is no reason against a profile whose tags are all there; the references differ.
        other = matrix_profile(2.2, ADOBE_PRIMARIES) if name.startswith("length") else profile
        for kind, options in (("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
            data, like = (saved(part, kind, icc_profile=one, **options) for one in (profile, other))
            strict = kind == "PNG" and name in ("version-0", "description-behind-the-end")
            but = [("libvips", "libpng refuses it")] if strict else ()
            # The picture is made smaller first, and has its colours converted then.
            small = 8 if name in ("linear", "p3-version-4") else None
            yield Case(f"{kind.lower()}-profile-{name}", data, but=but, most=2, small=small, like=like)
    for name in ("Gray", "sRGB", "CMYK"):
        profile = grey_profile() if name == "Gray" else of_space({"sRGB": b"RGB ", "CMYK": b"CMYK"}[name])
        wrong = [("libvips", "it takes another profile's space for an error")]
        if name != "sRGB":
            yield Case(f"jpeg-profile-of-{name}", saved(rgb, "JPEG", quality=95, icc_profile=profile), but=wrong)
            yield Case(f"png-profile-of-{name}", saved(rgb, "PNG", icc_profile=profile), full(RGB), but=wrong)
        else:
            yield Case("png-grey-profile-of-rgb", saved(grey, "PNG", icc_profile=profile), full(GREY), but=wrong)
    for kind in ("JPEG", "PNG"):
        yield Case(f"{kind.lower()}-grey-profile", saved(grey, kind, icc_profile=grey_profile()), most=2)


def samplings():
    """Of brightness and colours, each with a part of both sides that divides the largest: what the
    references read. The others have no whole number of pixels for a value."""
    sides = [(across, down) for across in range(1, 5) for down in range(1, 5)]
    for luma in sides:
        for blue in sides:
            for red in (blue, (1, 1)) if luma[0] * luma[1] % 3 == 0 else (blue,):
                all_three = (luma, blue, red)
                most = [max(one[side] for one in all_three) for side in (0, 1)]
                if all(most[side] % one[side] == 0 for one in all_three for side in (0, 1)):
                    yield all_three


def sampled_jpegs():
    """Each sampling in one of four ways to store it, so that all ways meet all sizes."""
    pixels = np.asarray(Image.fromarray(RGB[20:81, 10:95]).convert("YCbCr")).astype(float)
    planes = [pixels[..., n] for n in range(3)]
    for number, three in enumerate(samplings()):
        interleaved, progressive = number % 2 == 0, number % 4 > 1
        label = "-".join(["jpeg-sampled", *(f"{across}x{down}" for across, down in three)])
        label += "-interleaved" * interleaved + "-progressive" * progressive
        yield Case(label, own.jpeg(planes, three, interleaved, progressive))
    for across, down in ((1, 3), (2, 2), (4, 4)):
        for progressive in (False, True):
            label = f"jpeg-grey-sampled-{across}x{down}" + "-progressive" * progressive
            yield Case(label, own.jpeg(planes[:1], [(across, down)], True, progressive))


# --- profiles


def matrix_profile(gamma, primaries, version=2):
    """A profile of three primaries (XYZ of D50) and one exponent."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    def text(name):
        if version == 4:
            return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 2 * len(name), 28) + name.encode("utf-16-be")
        return b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(1 + 4 + 4 + 2 + 1 + 67)

    if version == 4:
        curve = b"para\0\0\0\0\0\0\0\0" + struct.pack(">i", round(gamma * 65536))
    else:
        curve = b"curv\0\0\0\0\0\0\0\1" + struct.pack(">HH", round(gamma * 256), 0)
    tags = [(b"desc", text("test")), (b"cprt", text("none") if version == 4 else b"text\0\0\0\0none\0"), (b"wtpt", xyz([0.9642, 1, 0.8249]))]
    tags += [(name, xyz(values)) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return assembled(b"RGB ", version, tags)


def grey_profile(gamma=1.4):
    curve = b"curv\0\0\0\0\0\0\0\1" + struct.pack(">HH", round(gamma * 256), 0)
    white = b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1, 0.8249))
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(78)
    return assembled(b"GRAY", 2, [(b"desc", text), (b"wtpt", white), (b"kTRC", curve)])


def assembled(space, version, tags):
    table, values = b"", b""
    start = 132 + 12 * len(tags)
    for name, value in tags:
        table += name + struct.pack(">II", start + len(values), len(value))
        values += value + bytes(-len(value) % 4)
    header = bytearray(128)
    header[4:8] = b"test"
    header[8:12] = bytes([version, 0x20 if version == 4 else 0x10, 0, 0])
    header[12:24] = b"mntr" + space + b"XYZ "
    header[24:36] = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    body = bytes(header) + struct.pack(">I", len(tags)) + table + values
    return struct.pack(">I", len(body)) + body[4:]


SRGB_PRIMARIES = [(0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)]
ADOBE_PRIMARIES = [(0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)]
P3_PRIMARIES = [(0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841)]


def of_space(space):
    """A profile that says that it is of `space`, with the tags of an RGB one."""
    profile = bytearray(matrix_profile(2.2, SRGB_PRIMARIES))
    profile[16:20] = space
    return bytes(profile)


def profiles():
    """Whole ones, and ones with the defects that are usual and that the references overlook."""
    adobe = matrix_profile(2.2, ADOBE_PRIMARIES)
    yield "srgb", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield "adobe", adobe
    yield "p3-version-4", matrix_profile(1.8, P3_PRIMARIES, 4)
    yield "linear", matrix_profile(1.0, SRGB_PRIMARIES)
    # Over 64 KiB: two segments in a JPEG.
    yield "large", large(adobe)
    yield "bytes-behind", adobe + bytes(64)
    for name, length in (("zero", 0), ("too-small", len(adobe) - 30), ("too-large", len(adobe) + 1000), ("huge", 0xFFFFFFF0)):
        yield f"length-{name}", struct.pack(">I", length) + adobe[4:]
    yield "version-0", adobe[:8] + bytes(4) + adobe[12:]
    yield "intent-9", adobe[:64] + struct.pack(">I", 9) + adobe[68:]
    yield "white-0", adobe[:68] + bytes(12) + adobe[80:]
    yield "class-unknown", adobe[:12] + b"zzzz" + adobe[16:]
    yield "space-unknown", adobe[:16] + b"zzzz" + adobe[20:]
    yield "description-behind-the-end", tag_moved(adobe, b"desc", 0x7FFFFF00)
    yield "red-behind-the-end", tag_moved(adobe, b"rXYZ", 0x7FFFFF00)
    yield "tags-0", adobe[:128] + bytes(4) + adobe[132:]
    yield "tags-huge", adobe[:128] + b"\xff" * 4 + adobe[132:]
    for missing in (1, 10, 40):
        yield f"last-{missing}-bytes-missing", adobe[:-missing]
    yield "no-description", without(adobe, b"desc")
    yield "no-copyright", without(adobe, b"cprt")
    yield "cut", adobe[: len(adobe) // 2]
    yield "header-only", adobe[:128]
    yield "no-signature", adobe[:36] + b"\0\0\0\0" + adobe[40:]
    yield "no-red", without(adobe, b"rXYZ")
    yield "no-curve", without(adobe, b"gTRC")
    yield "text", b"this is no profile"


def tag_moved(profile, tag, offset):
    at = profile.index(tag) + 4
    return profile[:at] + struct.pack(">I", offset) + profile[at + 4 :]


def cmyk_profile():
    """A press that prints paler than the plain mixture: a table (lut8) from ink to L*a*b*."""
    steps = np.linspace(1, 0.25, 3)
    grid = np.stack(np.meshgrid(steps, steps, steps, steps, indexing="ij"), -1)
    rgb = (grid[..., :3] * grid[..., 3:] * 255).astype("u1").reshape(1, -1, 3)
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(rgb), transform)).reshape(-1, 3).astype(int)
    lab[:, 1:] = (lab[:, 1:] + 128) % 256 if lab[:, 1].min() < 64 and lab[:, 1].max() > 192 else lab[:, 1:]
    line = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 3, 0])
    table += b"".join(struct.pack(">i", 65536 if n % 4 == 0 else 0) for n in range(9))
    table += line * 4 + lab.astype("u1").tobytes() + line * 3
    white = b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1, 0.8249))
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"cmyk\0" + bytes(78)
    profile = assembled(b"CMYK", 2, [(b"desc", text), (b"wtpt", white), (b"A2B0", table)])
    return profile[:12] + b"prtr" + profile[16:20] + b"Lab " + profile[24:]


def segments(jpeg, parts):
    """A JPEG with these parts of a profile: number, count, bytes."""
    whole = b""
    for number, count, part in parts:
        payload = b"ICC_PROFILE\0" + bytes([number, count]) + part
        whole += b"\xff\xe2" + struct.pack(">H", len(payload) + 2) + payload
    return jpeg[:2] + whole + jpeg[2:]


def profiles_in_parts():
    jpeg = saved(Image.fromarray(RGB), "JPEG", quality=95)
    adobe = matrix_profile(2.2, ADOBE_PRIMARIES)
    one, two, three = adobe[:100], adobe[100:300], adobe[300:]
    yield Case("jpeg-profile-in-parts", segments(jpeg, [(1, 3, one), (2, 3, two), (3, 3, three)]), most=2)
    late = [("libvips", "it does not sort the parts")]
    yield Case("jpeg-profile-out-of-order", segments(jpeg, [(3, 3, three), (1, 3, one), (2, 3, two)]), but=late, most=2)
    yield Case("jpeg-profile-part-missing", segments(jpeg, [(1, 3, one), (3, 3, three)]), most=2)
    yield Case("jpeg-profile-last-part-missing", segments(jpeg, [(1, 3, one), (2, 3, two)]), most=2)
    yield Case("jpeg-profile-first-part-missing", segments(jpeg, [(2, 3, two), (3, 3, three)]), most=2)
    cmyk = Image.fromarray(RGB).convert("CMYK")
    for name, profile in (("", cmyk_profile()), ("-cut", cmyk_profile()[:900]), ("-of-rgb", of_space(b"RGB ")), ("-of-grey", grey_profile())):
        but = [] if name == "" else NO_PROFILE
        yield Case(f"jpeg-cmyk-profile{name}", saved(cmyk, "JPEG", quality=98, subsampling=0, icc_profile=profile), but=but, most=3)
        yield Case(f"tiff-cmyk-profile{name}", saved(cmyk, "TIFF", icc_profile=profile), but=but, most=3)


def without(profile, tag):
    """The tag has another name."""
    return profile.replace(tag, b"zzzz", 1)


def large(profile):
    size = struct.unpack(">I", profile[:4])[0] + 100_000
    return struct.pack(">I", size) + profile[4:] + bytes(100_000)


# --- PNG

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_rows(samples, depth, filters):
    """Rows of `samples` (height, width, channels), each with the next of the five filters."""
    height, _, channels = samples.shape
    if depth == 16:
        rows = samples.astype(">u2").reshape(height, -1).view("u1").reshape(height, -1)
    elif depth == 8:
        rows = samples.astype("u1").reshape(height, -1)
    else:
        bits = np.unpackbits(samples.astype("u1").reshape(height, -1, 1), axis=2)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    step = max(1, channels * depth // 8)
    before = np.zeros(rows.shape[1], int)
    out = bytearray()
    for number, row in enumerate(rows.astype(int)):
        kind = number % 5 if filters else 0
        left = np.concatenate([np.zeros(step, int), row[:-step]])[: len(row)]
        corner = np.concatenate([np.zeros(step, int), before[:-step]])[: len(row)]
        away = [abs(before - corner), abs(left - corner), abs(left + before - 2 * corner)]
        nearest = np.where((away[0] <= away[1]) & (away[0] <= away[2]), left, np.where(away[1] <= away[2], before, corner))
        guess = [0, left, before, (left + before) // 2, nearest][kind]
        out.append(kind)
        out += ((row - guess) % 256).astype("u1").tobytes()
        before = row
    return bytes(out)


def png(samples, depth, colour, interlaced=False, filters=True, extra=()):
    if samples.ndim == 2:
        samples = samples[..., None]
    height, width, _ = samples.shape
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(png_rows(part, depth, filters) for part in passes if part.size)
    else:
        data = png_rows(samples, depth, filters)
    packed = zlib.compress(data)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    parts = [packed[at : at + 5000] for at in range(0, len(packed), 5000)]
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunk(*one) for one in extra)
        + b"".join(chunk(b"IDAT", part) for part in parts)
        + chunk(b"IEND", b"")
    )


def scaled(pixels, depth):
    """Samples of `depth` bits, and the 8 bits that they stand for."""
    most = (1 << depth) - 1
    samples = (pixels.astype(int) * most + 127) // 255
    if depth == 16:
        samples = (samples + np.arange(samples.size).reshape(samples.shape) % 97).clip(0, most)
    return samples, ((samples * 255 + most // 2) // most).astype("u1")


# What Pillow makes of 16 bits is 0.5 less on average, or another mode that is converted otherwise.
PILLOW_16 = [("Pillow", "it cuts 16 bits off, or reads them as numbers")]


def pngs():
    kinds = [("grey", 0, GREY, (1, 2, 4, 8, 16)), ("rgb", 2, RGB, (8, 16)), ("grey-alpha", 4, RGBA[..., 1::2], (8, 16)), ("rgba", 6, RGBA, (8, 16))]
    for name, colour, pixels, depths in kinds:
        for depth in depths:
            samples, values = scaled(pixels, depth)
            but = PILLOW_16 if depth == 16 else ()
            for interlaced in (False, True):
                label = f"png-{name}-{depth}" + "-interlaced" * interlaced
                rounded = 0.5 if depth == 16 else None
                yield Case(label, png(samples, depth, colour, interlaced), full(values), but, rounded)
            if colour in (0, 2):
                # One value is transparent.
                key = samples.reshape(HEIGHT * WIDTH, -1)[5000]
                hidden = (samples.reshape(HEIGHT, WIDTH, -1) == key).all(-1)
                truth = full(values)
                truth[hidden, 3] = 0
                but = [*but, ("Pillow", "it loses the transparent value of few bits")] if depth < 8 else but
                data = png(samples, depth, colour, extra=[(b"tRNS", struct.pack(f">{len(key)}H", *key))])
                yield Case(f"png-{name}-{depth}-one-transparent", data, truth, but, rounded)
    for depth in (1, 2, 4, 8):
        colours = 1 << depth
        image = Image.fromarray(RGB).quantize(min(colours, 200))
        indices = np.asarray(image)
        palette = np.array(image.getpalette()[: 3 * min(colours, 200)], "u1").reshape(-1, 3)
        opacities = np.array([(37 * n + 60) % 256 for n in range(len(palette) // 2 + 1)], "u1")
        for interlaced in (False, True):
            for transparent in (False, True):
                truth = full(palette[indices])
                extra = [(b"PLTE", palette.tobytes())]
                if transparent:
                    extra.append((b"tRNS", opacities.tobytes()))
                    padded = np.concatenate([opacities, np.full(256, 255, "u1")])
                    truth[..., 3] = padded[indices]
                label = f"png-palette-{depth}" + "-interlaced" * interlaced + "-transparent" * transparent
                yield Case(label, png(indices, depth, 3, interlaced, extra=extra), truth)
    for n in range(1, 9):
        yield Case(f"png-exif-{n}", png(RGB, 8, 2, extra=[(b"eXIf", EXIF_OF[n][6:])]))
    for n in (3, 6):
        text = b"XML:com.adobe.xmp\0"
        yield Case(f"png-xmp-{n}", png(RGB, 8, 2, extra=[(b"iTXt", text + b"\0\0\0\0" + xmp(n))]), but=XMP_ONLY)
        yield Case(f"png-xmp-packed-{n}", png(RGB, 8, 2, extra=[(b"iTXt", text + b"\1\0\0\0" + zlib.compress(xmp(n, True)))]), but=XMP_ONLY)
    # Sizes at which passes and bytes are not full.
    for width, height in ((1, 1), (1, 40), (3, 5), (7, 9), (40, 1)):
        part = RGB[:height, :width]
        yield Case(f"png-{width}x{height}-interlaced", png(part, 8, 2, True), full(part))
        bits = BILEVEL[60 : 60 + height, :width]
        yield Case(f"png-{width}x{height}-bits", png(bits, 1, 0, True), full(bits * 255))


# --- GIF and WebP


def shapes(count=6, transparent=True):
    """Frames of an animation, each with something that moves."""
    frames = []
    for n in range(count):
        frame = np.zeros((60, 80, 4), "u1")
        frame[..., :3] = [200, 220, 240]
        frame[..., 3] = 255
        frame[10 : 30 + n, 5 + 8 * n : 25 + 8 * n] = [220 - 20 * n, 30, 40 * n, 255]
        if transparent:
            frame[40:55, 10 * n : 10 * n + 20] = 0
        frames.append(Image.fromarray(frame))
    return frames


def gifs():
    image = Image.fromarray(RGB).quantize(255)
    truth = full(np.asarray(image.convert("RGB")))
    for interlaced in (0, 1):
        yield Case(f"gif-{interlaced}", saved(image, "GIF", interlace=interlaced), truth)
    yield Case("gif-grey", saved(Image.fromarray(GREY), "GIF"), full(GREY))
    yield Case("gif-2-colours", saved(Image.fromarray(BILEVEL * 255).convert("1"), "GIF"), full(BILEVEL * 255))
    for colours in (4, 16, 64):
        small = Image.fromarray(RGB).quantize(colours)
        hidden = full(np.asarray(small.convert("RGB")))
        hidden[np.asarray(small) == 1, 3] = 0
        yield Case(f"gif-{colours}-transparent", saved(small, "GIF", transparency=1), hidden)


def animations():
    """Name, format, file."""
    for transparent in (False, True):
        frames = shapes(transparent=transparent)
        label = "-transparent" * transparent
        # What was before the first frame is nothing: there Pillow keeps it, libvips and browsers don't.
        for disposal in (1, 2) if transparent else (0, 1, 2, [1, 3, 3, 3, 3, 3]):
            options = {"save_all": True, "append_images": frames[1:], "duration": [50, 90, 70, 200, 40, 100]}
            yield f"gif-animation-{np.max(disposal)}{label}", "gif", saved(frames[0], "GIF", disposal=disposal, loop=3, **options)
        if not transparent:
            # What was opaque becomes transparent, in a frame without any transparent pixel before it.
            holed = shapes(transparent=True)
            mixed = [frames[0], holed[1], frames[2], holed[3]]
            options = {"save_all": True, "append_images": mixed[1:], "duration": [50, 90, 70, 200]}
            yield "webp-animation-lossless-cleared", "webp", saved(mixed[0], "WEBP", lossless=True, loop=2, **options)
        for lossless in (True, False):
            options = {"save_all": True, "append_images": frames[1:], "duration": [50, 90, 70, 200, 40, 100]}
            data = saved(frames[0], "WEBP", lossless=lossless, quality=90, loop=2, **options)
            yield f"webp-animation{'-lossless' * lossless}{label}", "webp", data


def webps():
    for name, pixels in (("rgb", RGB), ("rgba", RGBA)):
        image = Image.fromarray(pixels)
        # What is transparent has its colours changed by the encoder; they don't show.
        yield Case(f"webp-lossless-{name}", saved(image, "WEBP", lossless=True), full(pixels))
        yield Case(f"webp-exact-{name}", saved(image, "WEBP", lossless=True, exact=True), full(pixels))
        for quality in (20, 80):
            yield Case(f"webp-{quality}-{name}", saved(image, "WEBP", quality=quality))
        yield Case(f"webp-80-{name}-alpha-lossy", saved(image, "WEBP", quality=80, alpha_quality=40))
    image = Image.fromarray(RGB)
    for n in (3, 6, 7):
        yield Case(f"webp-exif-{n}", saved(image, "WEBP", lossless=True, exif=EXIF_OF[n]))
        yield Case(f"webp-xmp-{n}", saved(image, "WEBP", lossless=True, xmp=xmp(n)), but=XMP_ONLY)
    palette = Image.fromarray(RGB).quantize(9).convert("RGB")
    yield Case("webp-few-colours", saved(palette, "WEBP", lossless=True, method=6), full(np.asarray(palette)))


def flats():
    """Flat pictures, whose data ends in many zeros in some formats: none of them is cut."""
    for width, height in ((16, 16), (700, 500)):
        for value in (0, 1, 128, 255):
            pixels = np.full((height, width, 3), value, "u1")
            below = pixels.copy()
            below[:10] = RGB[:10, : min(width, WIDTH)].repeat(-(-width // WIDTH), 1)[:, :width]
            for label, image in (("flat", Image.fromarray(pixels)), ("flat-below", Image.fromarray(below))):
                name = f"{label}-{width}-{value}"
                yield Case(f"webp-{name}", saved(image, "WEBP", quality=90))
                yield Case(f"webp-lossless-{name}", saved(image, "WEBP", lossless=True), full(np.asarray(image)))
                yield Case(f"avif-{name}", saved(image, "AVIF", quality=80, speed=9), most=2.0)
                for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
                    yield Case(f"tiff-{compression}-{name}", saved(image, "TIFF", compression=compression), full(np.asarray(image)))


def avifs():
    for name, pixels in (("rgb", RGB), ("rgba", RGBA), ("grey", GREY)):
        image = Image.fromarray(pixels)
        for sampling in ("4:2:0", "4:2:2", "4:4:4", "4:0:0"):
            if sampling == "4:0:0" and name != "grey":
                continue
            for quality in (40, 90):
                # Chroma is made finer in ways that differ.
                data = saved(image, "AVIF", quality=quality, subsampling=sampling, speed=8)
                yield Case(f"avif-{name}-{quality}-{sampling}", data, most=2.0)
        but = [("libvips", "it takes grey of limited range for full range")] if name == "grey" else []
        yield Case(f"avif-{name}-limited", saved(image, "AVIF", quality=85, range="limited", speed=8), but=but, most=2.0)
    image = Image.fromarray(RGB)
    for n in range(1, 9):
        yield Case(f"avif-turned-{n}", saved(image, "AVIF", quality=90, subsampling="4:4:4", speed=8, exif=EXIF_OF[n]))
    profile = matrix_profile(2.2, ADOBE_PRIMARIES)
    data = saved(image, "AVIF", quality=95, subsampling="4:4:4", speed=8, icc_profile=profile)
    yield Case("avif-profile", data, most=2.0)


# --- TIFF


def tiffs():
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        for name, image, pixels in (
            ("rgb", Image.fromarray(RGB), RGB),
            ("grey", Image.fromarray(GREY), GREY),
            ("rgba", Image.fromarray(RGBA), RGBA),
            ("bits", Image.fromarray(BILEVEL * 255).convert("1"), BILEVEL * 255),
        ):
            yield Case(f"tiff-{compression}-{name}", saved(image, "TIFF", compression=compression), full(pixels))
        palette = Image.fromarray(RGB).quantize(200)
        yield Case(f"tiff-{compression}-palette", saved(palette, "TIFF", compression=compression), full(np.asarray(palette.convert("RGB"))))
        cmyk = Image.fromarray(RGB).convert("CMYK")
        yield Case(f"tiff-{compression}-cmyk", saved(cmyk, "TIFF", compression=compression), but=NO_PROFILE)
    bits = Image.fromarray(BILEVEL * 255).convert("1")
    for name in ("group3", "tiff_ccitt"):
        for options in ({}, {292: 1}, {292: 4}, {292: 5}) if name == "group3" else ({},):
            for order in (1, 2) if not options else (1,):
                label = "-".join(["tiff", name, *map(str, options.values()), *["reversed"] * (order - 1)])
                data = saved(bits, "TIFF", compression=name, tiffinfo=options | {266: order})
                yield Case(label, data, full(BILEVEL * 255))
    yield Case("tiff-group4", saved(bits, "TIFF", compression="group4"), full(BILEVEL * 255))
    yield Case("tiff-jpeg-grey", saved(Image.fromarray(GREY), "TIFF", compression="jpeg", quality=90))
    yield Case("tiff-jpeg-rgb", saved(Image.fromarray(RGB), "TIFF", compression="jpeg", quality=90))
    wide = ((GREY.astype("u2") << 8) + GREY[::-1]).astype("u2")
    truth = full(((wide.astype(int) * 255 + 32767) // 65535).astype("u1"))
    yield Case("tiff-16-bits", saved(Image.fromarray(wide), "TIFF"), truth, PILLOW_16, 0.5)
    for n in range(1, 9):
        yield Case(f"tiff-turned-{n}", saved(Image.fromarray(RGB), "TIFF", tiffinfo={274: n}))
    sources = {
        "rgb": (pyvips.Image.new_from_memory(RGB.tobytes(), WIDTH, HEIGHT, 3, "uchar").copy(interpretation="srgb"), RGB),
        "rgba": (pyvips.Image.new_from_memory(RGBA.tobytes(), WIDTH, HEIGHT, 4, "uchar").copy(interpretation="srgb"), RGBA),
        "grey": (pyvips.Image.new_from_memory(GREY.tobytes(), WIDTH, HEIGHT, 1, "uchar").copy(interpretation="b-w"), GREY),
    }
    for name, (image, pixels) in sources.items():
        for options in (
            {"tile": True, "tile_width": 64, "tile_height": 48},
            {"tile": True, "compression": "lzw", "predictor": "horizontal"},
            {"bigtiff": True, "compression": "deflate"},
            {"compression": "deflate", "predictor": "horizontal"},
            {"tile": True, "pyramid": True, "compression": "deflate"},
        ):
            label = "-".join(["tiff-libvips", name, *(f"{key}-{value}" for key, value in options.items())])
            yield Case(label, image.tiffsave_buffer(**options), full(pixels))
    grey = sources["grey"][0]
    for depth in (1, 2, 4):
        data = grey.tiffsave_buffer(bitdepth=depth)
        yield Case(f"tiff-libvips-{depth}-bits", data, but=[("Pillow", "of 2 bits it knows no grey")] if depth == 2 else ())
    yield Case("tiff-libvips-miniswhite", (grey > 127).tiffsave_buffer(bitdepth=1, miniswhite=True))
    for name in ("rgb", "rgba"):
        wide = (sources[name][0].cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
        for options in ({}, {"compression": "lzw", "predictor": "horizontal"}, {"tile": True}):
            label = "-".join([f"tiff-libvips-16-{name}", *options])
            yield Case(label, wide.tiffsave_buffer(**options), full(sources[name][1]), but=[])
    yield from own_tiffs()


def own_tiffs():
    """What neither of the two writes."""
    for order in "<>":
        for planes in (1, 2):
            for rows in (HEIGHT, 10):
                label = f"tiff-{'little' if order == '<' else 'big'}-planes-{planes}-rows-{rows}"
                yield Case(label, tiff(RGB, order, planes, rows), full(RGB))
    for order in "<>":
        for rows, tile in ((48, 64), (160, 208), (16, 16)):
            for planes in (1, 2):
                label = f"tiff-{'little' if order == '<' else 'big'}-tiles-{tile}-planes-{planes}"
                but = [("libvips", "it has no such tiles")] if planes == 2 else []
                yield Case(label, tiff(RGB, order, planes, rows, tile=tile), full(RGB), but=but)
    # One more sample: nothing, an opacity, or without a word (an opacity for both references).
    for extra, truth in (([(338, 3, (0,))], full(RGB)), ([(338, 3, (2,))], full(RGBA)), ([], full(RGBA))):
        but = [("libvips", "each fourth sample is an opacity")] if extra and extra[0][2] == (0,) else []
        for planes in (1, 2):
            label = f"tiff-extra-{extra[0][2][0] if extra else 'untold'}-planes-{planes}"
            unknown = [("Pillow", "no such pixels")] if but and planes == 2 else []
            yield Case(label, tiff(RGBA, "<", planes, 20, more=extra), truth, but=but + unknown)
    two = np.concatenate([RGBA, RGBA[..., :1]], 2)
    others = [("libvips", "it has no such pictures"), ("Pillow", "no such pixels")]
    yield Case("tiff-extra-two", tiff(two, ">", 1, 20, more=[(338, 3, (2, 0))]), full(RGBA), but=others)
    yield Case("tiff-grey-extra-0", tiff(np.stack([GREY, GREY], 2), "<", 1, 20, more=[(338, 3, (0,))]), full(GREY), but=others)
    # Of the sizes that no common writer has.
    for depth in (3, 5, 6, 7, 9, 10, 12, 14, 15):
        for pixels, name in ((GREY, "grey"), (RGB, "rgb")):
            deep = (pixels.astype(int) * ((1 << depth) - 1) + 127) // 255
            truth = full(((deep * 255 + ((1 << depth) - 1) // 2) // ((1 << depth) - 1)).astype("u1"))
            yield Case(f"tiff-{depth}-bits-{name}", tiff(deep, "<", 1, 20, depth=depth), truth, but=others)
    for across, down in ((2, 1), (2, 2), (4, 2), (1, 1)):
        ycbcr = np.asarray(Image.fromarray(RGB).convert("YCbCr"))
        data, truth = subsampled(ycbcr, across, down)
        yield Case(f"tiff-ycbcr-{across}-{down}", data, truth, but=others, most=0.6, small=4)
    yield Case("tiff-white-is-0", tiff(255 - GREY, "<", 1, 10, photometric=0), full(GREY))
    ycbcr = tiff(np.asarray(Image.fromarray(RGB).convert("YCbCr")), "<", 1, 10, photometric=6, more=[(530, 3, (1, 1))])
    yield Case("tiff-ycbcr", ycbcr, but=[("libvips", "it takes the values for RGB")])
    for name, data in (("exif", saved(Image.fromarray(RGB), "TIFF", tiffinfo={700: xmp(6)})),):
        yield Case(f"tiff-xmp-{name}", data, but=XMP_ONLY)


def refused():
    """Name, file, what the refusal has to say."""
    bits = Image.fromarray(BILEVEL * 255).convert("1")
    yield "tiff-float", saved(Image.fromarray(GREY.astype("f4")), "TIFF"), "floating-point numbers of 32 bits"
    signed = pyvips.Image.new_from_memory(GREY.tobytes(), WIDTH, HEIGHT, 1, "uchar").cast("short")
    yield "tiff-signed", signed.tiffsave_buffer(), "signed whole numbers of 16 bits"
    lab = ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(Image.fromarray(RGB), ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    yield "tiff-lab", saved(lab, "TIFF"), "CIELab"
    yield "tiff-lzma", saved(Image.fromarray(RGB), "TIFF", compression="lzma"), "LZMA (34925)"
    yield "tiff-zstd", saved(Image.fromarray(RGB), "TIFF", compression="zstd"), "ZSTD"
    for kind, name in (("BMP", "BMP"), ("PPM", "PPM"), ("TGA", "TGA"), ("ICO", "ICO"), ("JPEG2000", "JPEG 2000"), ("DDS", "DDS"), ("PDF", "PDF"), ("PCX", "PCX"), ("SGI", "SGI"), ("QOI", "QOI"), ("ICNS", "ICNS")):
        yield kind.lower(), saved(Image.fromarray(RGB), kind), name


def subsampled(pixels, across, down):
    """YCbCr in units of one Cb and one Cr, and what it shows when each counts for all of its pixels."""
    high, wide = -(-HEIGHT // down) * down, -(-WIDTH // across) * across
    padded = np.pad(pixels, ((0, high - HEIGHT), (0, wide - WIDTH), (0, 0)), "edge")
    units = padded.reshape(high // down, down, wide // across, across, 3)
    luma = units[..., 0].transpose(0, 2, 1, 3).reshape(high // down, wide // across, -1)
    chroma = units[..., 1:].mean((1, 3)).round().astype("u1")
    data = np.concatenate([luma, chroma], 2).astype("u1")
    shown = padded.copy()
    shown[..., 1:] = chroma.repeat(down, 0).repeat(across, 1)
    truth = Image.fromarray(shown[:HEIGHT, :WIDTH].copy(), "YCbCr").convert("RGB")
    # In one strip, whatever its pixels' bytes are.
    return tiff(pixels, "<", 1, HEIGHT, photometric=6, more=[(530, 3, (across, down))], strip=data.tobytes()), full(np.asarray(truth))


def packed_bits(rows, depth):
    """Samples of any size, the highest bit first, each row in whole bytes."""
    places = np.arange(depth - 1, -1, -1)
    return np.packbits((rows.reshape(rows.shape[0], -1, 1) >> places & 1).astype("u1").reshape(rows.shape[0], -1), axis=1)


def tiff(pixels, order, planes, rows, photometric=None, tile=None, more=(), depth=8, strip=None):
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, channels = pixels.shape
    parts = [pixels] if planes == 1 else [pixels[..., n : n + 1] for n in range(channels)]
    pieces = []
    for part in parts:
        for y in range(0, height, rows):
            if tile is None:
                piece = part[y : y + rows]
                pieces.append(strip or (piece if depth == 8 else packed_bits(piece, depth)).tobytes())
                continue
            for x in range(0, width, tile):
                whole = np.zeros((rows, tile, part.shape[2]), "u1")
                cut = part[y : y + rows, x : x + tile]
                whole[: cut.shape[0], : cut.shape[1]] = cut
                pieces.append(whole.tobytes())
    offsets, data = [], b""
    for piece in pieces:
        offsets.append(8 + len(data))
        data += piece
    if photometric is None:
        photometric = 2 if channels >= 3 else 1
    places = [(324, 4, offsets), (325, 4, [len(p) for p in pieces]), (322, 3, [tile]), (323, 3, [rows])]
    if tile is None:
        places = [(273, 4, offsets), (279, 4, [len(p) for p in pieces]), (278, 3, [rows])]
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [depth] * channels), (259, 3, [1]), (262, 3, [photometric])]
    tags = sorted([*tags, *places, (277, 3, [channels]), (284, 3, [planes]), *more])
    data += bytes(len(data) % 2)
    directory = 8 + len(data)
    behind = directory + 2 + 12 * len(tags) + 4
    table, values = struct.pack(order + "H", len(tags)), b""
    for tag, kind, of in tags:
        packed = struct.pack(f"{order}{len(of)}{'H' if kind == 3 else 'I'}", *of)
        if len(packed) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += packed + bytes(len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, kind, len(of)) + place
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "I", directory) + data + table + bytes(4) + values


# --- What is said in an odd way, or said and not there


def with_ids(jpeg, ids):
    """A baseline JPEG in one scan whose components have these numbers."""
    data = bytearray(jpeg)
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda")
    for place, number in enumerate(ids):
        data[frame + 10 + 3 * place] = data[scan + 5 + 2 * place] = number
    return bytes(data)


def of_type(tiff_data, order, tag, kind):
    """A TIFF in which the tag's value, one of type SHORT, is of another type."""
    entry = struct.pack(order + "HHI", tag, 3, 1)
    at = tiff_data.rindex(entry)
    value = struct.unpack_from(order + "H", tiff_data, at + 8)[0]
    packed = struct.pack(order + {6: "b", 8: "h", 9: "i"}[kind], value).ljust(4, b"\0")
    return tiff_data[:at] + struct.pack(order + "HHI", tag, kind, 1) + packed + tiff_data[at + 12 :]


def oddities():
    rgb = Image.fromarray(RGB)
    jpeg = saved(rgb, "JPEG", quality=90)
    for ids in ((0, 0, 0), (1, 1, 1), (1, 1, 2), (1, 2, 2)):
        yield Case(f"jpeg-numbers-{'-'.join(map(str, ids))}", with_ids(jpeg, ids))
    for order, start in (("<", b"II*\0\x08\0\0\0"), (">", b"MM\0*\0\0\0\x08")):
        for kind, letter in ((6, "b"), (8, "h"), (9, "i")):
            value = struct.pack(order + letter, 6).ljust(4, b"\0")
            exif = b"Exif\0\0" + start + struct.pack(order + "HHHI", 1, 274, kind, 1) + value + bytes(4)
            yield Case(f"jpeg-exif-type-{kind}-{order}", saved(rgb, "JPEG", quality=90, exif=exif))
            data = tiff(RGB, order, 1, 20, more=[(274, 3, [6])])
            for tag in (274,) if kind == 6 else (256, 274):
                yield Case(f"tiff-{tag}-type-{kind}-{order}", of_type(data, order, tag, kind))
    packed = zlib.compress(matrix_profile(2.2, ADOBE_PRIMARIES))
    for missing in (2, 4, 40):
        data = png(RGB, 8, 2, extra=[(b"iCCP", b"x\0\0" + packed[:-missing])])
        yield Case(f"png-profile-lacks-{missing}", data, most=2)
    colours = bytes(range(0, 48, 3)) * 3
    image = Image.fromarray(GREY // 11, "P")
    image.putpalette(colours[:24])
    yield Case("gif-colours-lacking", saved(image, "GIF", optimize=False))
    gif = saved(Image.fromarray(GREY), "GIF")
    frame = gif.index(b",", 13 + 768)
    yield Case("gif-unknown-extension", gif[:frame] + b"!\x77\5hello\0" + gif[frame:], full(GREY))
    still = saved(rgb, "WEBP", lossless=True, icc_profile=matrix_profile(2.2, ADOBE_PRIMARIES), exif=EXIF_OF[6])
    flags = 20
    for off, on in ((0x20, 0), (0x08, 0), (0x28, 0), (0, 0x04)):
        data = still[:flags] + bytes([still[flags] & ~off | on]) + still[flags + 1 :]
        yield Case(f"webp-flags-{off:x}-{on:x}", data, most=2)


def cases():
    for group in (jpegs, sampled_jpegs, profiles_in_parts, pngs, gifs, webps, avifs, flats, tiffs, oddities):
        yield from group()
