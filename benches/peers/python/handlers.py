"""The parties of the suite `handlers` that are not Ringwork's, and its judge: benches/README.md.

    handlers.py photos DIRECTORY   makes the inputs there, the same bytes each time
    handlers.py PARTY              answers requests until the end of its input

A party says `ready` once its library is there, or `failed WHY`. Then each line of its input is a
request in JSON, and each answer one line of JSON. A request is done `times` over; `cpu_s` is the
processor time of the process for all of them (user and system, all threads: none of the parties
is allowed more than one that works), and `bytes` what came out of one.
"""

import io
import json
import os
import sys
import time

# Before the libraries are loaded, which read these.
for variable in ("VIPS_CONCURRENCY", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"


def pyvips():
    import pyvips as vips

    vips.cache_set_max(0)  # each time anew

    def thumbnail(params, body):
        size, quality = params["size"], params["quality"]
        image = vips.Image.thumbnail_buffer(body, size, height=size, size="down")
        match params["format"]:
            case "jpeg":
                return image.jpegsave_buffer(Q=quality, keep="none")
            case "png":
                return image.pngsave_buffer(compression=quality, keep="none")
            case "webp":
                return image.webpsave_buffer(Q=quality, keep="none")

    return thumbnail


def pillow():
    from PIL import Image

    def thumbnail(params, body):
        size, quality = params["size"], params["quality"]
        image = Image.open(io.BytesIO(body))
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        match params["format"]:
            case "jpeg":
                image.save(out, "JPEG", quality=quality)
            case "png":
                image.save(out, "PNG", compress_level=quality)
            case "webp":
                image.save(out, "WEBP", quality=quality)
        return out.getvalue()

    return thumbnail


def argon2():
    from argon2.low_level import Type, hash_secret

    def hash_password(params, body):
        return hash_secret(
            body,
            os.urandom(16),
            time_cost=params["iterations"],
            memory_cost=params["memory_kib"],
            parallelism=1,
            hash_len=32,
            type=Type.ID,
        )

    return hash_password


def libxcrypt():
    import ctypes

    library = ctypes.CDLL("libcrypt.so.1")
    if not hasattr(library, "crypt_gensalt"):
        raise ImportError("libcrypt.so.1 is not libxcrypt's")
    library.crypt.restype = ctypes.c_char_p

    def hash_password(params, body):
        setting = b"$2b$%02d$abcdefghijklmnopqrstuu" % params["cost"]
        made = library.crypt(body, setting)
        if made is None or not made.startswith(setting):
            raise ValueError(f"libcrypt.so.1 has no $2b$: {made}")
        return made

    return hash_password


def hashlib():
    import base64
    import hashlib as library
    import hmac

    def digest(params, body):
        algorithm = params["algorithm"]
        if algorithm.startswith("hmac-"):
            key = base64.b64decode(params["key_base64"])
            return hmac.digest(key, body, algorithm.removeprefix("hmac-"))
        return library.new(algorithm, body).digest()

    return digest


def blake3():
    from blake3 import blake3 as digest

    return lambda params, body: digest(body).digest()


def zstandard():
    import zstandard as library

    def work(params, body):
        if "level" not in params:
            return library.ZstdDecompressor().decompress(body)
        level = params["level"]
        return library.ZstdCompressor(level=level, write_checksum=True).compress(body)

    return work


def zlib():
    import gzip

    def work(params, body):
        if "level" not in params:
            return gzip.decompress(body)
        return gzip.compress(body, params["level"], mtime=0)

    return work


def zstd_tool():
    import subprocess

    subprocess.run(["zstd", "--version"], check=True, capture_output=True)

    def work(params, body):
        way = ["-d"] if "level" not in params else [f"-{params['level']}"]
        command = ["zstd", "--single-thread", *way, "-q", "-c"]
        return subprocess.run(command, check=True, input=body, capture_output=True).stdout

    return work


PARTIES = {
    "pyvips": pyvips,
    "pillow": pillow,
    "argon2": argon2,
    "libxcrypt": libxcrypt,
    "hashlib": hashlib,
    "blake3": blake3,
    "zstandard": zstandard,
    "zlib": zlib,
    "zstd_tool": zstd_tool,
}


def cpu_time():
    """Of this process and of its children that have ended, in seconds."""
    times = os.times()
    # By the clock for this process: os.times() counts ticks of 10 ms. Children have no other.
    return time.process_time() + times.children_user + times.children_system


def serve(party):
    work = PARTIES[party]()
    print("ready", flush=True)
    bodies = {}
    for line in sys.stdin:
        request = json.loads(line)
        path = request["path"]
        if path not in bodies:
            with open(path, "rb") as file:
                bodies[path] = file.read()
        body = bodies[path]
        before = cpu_time()
        for _ in range(request["times"]):
            made = work(request["params"], body)
        cpu = cpu_time() - before
        if request.get("out"):
            with open(request["out"], "wb") as file:
                file.write(made)
        print(json.dumps({"cpu_s": cpu, "bytes": len(made)}), flush=True)


def lanczos(source, target):
    """The weights of each of `source` pixels for each of `target` ones: Lanczos with three lobes."""
    import numpy as np

    scale = source / target
    centre = (np.arange(target) + 0.5) * scale
    distance = (np.arange(source) + 0.5 - centre[:, None]) / max(scale, 1.0)
    weights = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def judge():
    """PSNR of a file against the full decode of its source, shrunk in doubles by Lanczos."""
    import numpy as np
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    print("ready", flush=True)
    references = {}
    for line in sys.stdin:
        request = json.loads(line)
        with Image.open(request["out"]) as file:
            made = np.asarray(file.convert("RGB"), dtype=np.float64)
        height, width, _ = made.shape
        key = (request["path"], width, height)
        if key not in references:
            with Image.open(request["path"]) as file:
                full = np.asarray(file.convert("RGB"), dtype=np.float32)
            down = lanczos(full.shape[0], height).astype(np.float32)
            across = lanczos(full.shape[1], width).astype(np.float32)
            planes = [across @ (down @ full[:, :, c]).T for c in range(3)]
            references[key] = np.clip(np.stack([p.T for p in planes], axis=2), 0, 255)
        error = np.mean((made - references[key]) ** 2)
        psnr = 10 * np.log10(255**2 / max(error, 1e-9))
        print(json.dumps({"psnr": psnr, "width": width, "height": height}), flush=True)


def photo(seed, width, height):
    """Leaves that hide each other, of all sizes, each with its light, colour and texture; out of
    focus by a pixel, under the noise of a sensor. Such pictures have the statistics of natural
    ones: edges at every scale, and a spectrum that falls with the frequency."""
    import numpy as np

    random = np.random.default_rng(seed)

    def cloud(rows, columns, slope):
        """Noise whose amplitude falls by `slope` with the frequency; mean 0, deviation 1."""
        y = np.fft.fftfreq(rows)[:, None]
        x = np.fft.rfftfreq(columns)[None, :]
        spectrum = np.fft.rfft2(random.standard_normal((rows, columns), dtype=np.float32))
        made = np.fft.irfft2(spectrum / np.hypot(x, y).clip(1 / columns) ** slope, (rows, columns))
        return ((made - made.mean()) / made.std()).astype(np.float32)

    y = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    texture = cloud(height, width, 1.0)
    light = 110 + 50 * y + 20 * cloud(height, width, 1.6) + 12 * texture
    picture = np.stack([light * 0.9, light, light * 1.1], axis=2)
    largest = height // 3
    for _ in range(6000):
        # Areas by a power law: as much of the picture in small leaves as in large ones.
        radius = 1 / np.sqrt(random.uniform(1 / largest**2, 1 / 12**2))
        cx, cy = random.uniform(0, width), random.uniform(0, height)
        x0, x1 = int(max(cx - radius - 2, 0)), int(min(cx + radius + 3, width))
        y0, y1 = int(max(cy - radius - 2, 0)), int(min(cy + radius + 3, height))
        if x0 >= x1 or y0 >= y1:
            continue
        dx = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(cx)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(cy)
        angle, squeeze = random.uniform(0, np.pi), random.uniform(1, 3)
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = (dy * np.cos(angle) - dx * np.sin(angle)) * squeeze
        cover = np.clip(radius - np.sqrt(along**2 + across**2), 0, 1.5)[:, :, None] / 1.5
        colour = random.uniform(25, 225) * random.uniform(0.75, 1.15, 3)
        shade = 1 + 0.25 * random.uniform(-1, 1) * along / radius
        grain = random.uniform(4, 40) * texture[y0:y1, x0:x1]
        leaf = shade[:, :, None] * colour.astype(np.float32) + grain[:, :, None]
        part = picture[y0:y1, x0:x1]
        part += cover * (leaf - part)
    for axis in (0, 1):  # the lens
        picture += 0.25 * (np.roll(picture, 1, axis) + np.roll(picture, -1, axis) - 2 * picture)
    noise = random.standard_normal((height, width, 1), dtype=np.float32)
    coloured = random.standard_normal((height, width, 3), dtype=np.float32)
    picture += (1 + 0.015 * picture) * (noise + 0.4 * coloured)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def photos(directory):
    from PIL import Image

    os.makedirs(directory, exist_ok=True)
    for number, (width, height) in enumerate([(4000, 3000), (3000, 4000)]):
        image = Image.fromarray(photo(number + 1, width, height))
        jpeg = {"quality": 90, "subsampling": "4:2:0"}
        for name, format, options in [
            (f"jpeg-{number}", "JPEG", jpeg),
            (f"progressive-{number}", "JPEG", jpeg | {"progressive": True}),
            (f"png-{number}", "PNG", {}),
            (f"webp-{number}", "WEBP", {"quality": 90}),
        ]:
            # Whole or not there.
            path = os.path.join(directory, name)
            image.save(path + ".part", format, **options)
            os.rename(path + ".part", path)


def main():
    match sys.argv[1:]:
        case ["photos", directory]:
            photos(directory)
        case ["judge"]:
            judge()
        case [party] if party in PARTIES:
            serve(party)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except (ImportError, OSError, ValueError) as error:
        print(f"failed {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
