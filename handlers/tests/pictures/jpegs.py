"""JPEGs of any sampling, in one scan or one for each component, progressive or not: no common writer has
them all."""
import struct

import numpy as np
from PIL import Image

ZIGZAG = sorted(range(64), key=lambda n: (n // 8 + n % 8, n % 8 if (n // 8 + n % 8) % 2 == 0 else n // 8))
U = np.arange(8)
COSINES = np.sqrt(2 / 8) * np.cos((2 * U[None, :] + 1) * U[:, None] * np.pi / 16)
COSINES[0] /= np.sqrt(2)


def huffman_tables():
    """All symbols with codes of one length: DC of 4 bits, AC of 8; the code of all ones stays free."""
    dc = list(range(12))
    ac = [run << 4 | size for run in range(16) for size in range(11) if size or run in (0, 15)]
    return {0: (dc, 4), 1: (ac, 8)}


TABLES = huffman_tables()


class Bits:
    def __init__(self):
        self.text = []

    def put(self, value, count):
        if count:
            self.text.append(format(value, f"0{count}b"))

    def symbol(self, kind, symbol):
        symbols, length = TABLES[kind]
        self.put(symbols.index(symbol), length)

    def number(self, value):
        size = abs(int(value)).bit_length()
        return size, (value if value >= 0 else value + (1 << size) - 1)

    def data(self):
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        return int(text or "0", 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")


def put_dc(bits, value):
    size, code = bits.number(value)
    bits.symbol(0, size)
    bits.put(code, size)


def put_ac(bits, block, begin, end):
    run = 0
    last = max([n for n in range(begin, end + 1) if block[n]], default=begin - 1)
    for n in range(begin, last + 1):
        if not block[n]:
            run += 1
            continue
        while run > 15:
            bits.symbol(1, 0xF0)
            run -= 16
        size, code = bits.number(block[n])
        bits.symbol(1, run << 4 | size)
        bits.put(code, size)
        run = 0
    if last < end:
        bits.symbol(1, 0)


def blocks_of(plane, across, down, quant):
    """Quantised coefficients (down, across, 64) of a plane that is padded to so many blocks."""
    padded = np.pad(plane, ((0, down * 8 - plane.shape[0]), (0, across * 8 - plane.shape[1])), "edge")
    tiles = padded.reshape(down, 8, across, 8).transpose(0, 2, 1, 3) - 128.0
    spectrum = COSINES @ tiles @ COSINES.T
    return (spectrum / quant).round().astype(int).reshape(down, across, 64)[..., ZIGZAG]


def scaled_plane(plane, width, height):
    """The mean of what each sample stands for, for whole and fractional ratios."""
    return np.asarray(Image.fromarray(plane.astype("f4"), "F").resize((width, height), Image.Resampling.BOX))


def jpeg(planes, samplings, interleaved=True, progressive=False, quant=3):
    """`planes` of full size, `samplings` (h, v) of each."""
    height, width = planes[0].shape
    most_h, most_v = max(h for h, _ in samplings), max(v for _, v in samplings)
    mcus_x, mcus_y = -(-width // (8 * most_h)), -(-height // (8 * most_v))
    coded, own = [], []
    for plane, (h, v) in zip(planes, samplings):
        w, t = -(-width * h // most_h), -(-height * v // most_v)
        coded.append(blocks_of(scaled_plane(plane, w, t), mcus_x * h, mcus_y * v, quant))
        own.append((-(-w // 8), -(-t // 8)))
    out = [b"\xff\xd8", marker(0xDB, b"\0" + bytes([quant] * 64))]
    frame = struct.pack(">BHHB", 8, height, width, len(planes))
    for n, (h, v) in enumerate(samplings):
        frame += bytes([n + 1, h << 4 | v, 0])
    out.append(marker(0xC2 if progressive else 0xC0, frame))
    for kind, (symbols, length) in TABLES.items():
        counts = [0] * 16
        counts[length - 1] = len(symbols)
        out.append(marker(0xC4, bytes([kind << 4] + counts + symbols)))
    everything = list(range(len(planes)))
    fits = sum(h * v for h, v in samplings) <= 10
    together = [everything] if interleaved and fits and len(planes) > 1 else [[n] for n in everything]

    def scan(components, begin, end):
        head = bytes([len(components)]) + b"".join(bytes([n + 1, 0]) for n in components) + bytes([begin, end, 0])
        bits, before = Bits(), {n: 0 for n in components}

        def put(n, block):
            if begin == 0:
                put_dc(bits, int(block[0]) - before[n])
                before[n] = int(block[0])
            if end > 0:
                put_ac(bits, block, max(begin, 1), end)

        if len(components) == 1:
            n = components[0]
            across, down = own[n]
            for y in range(down):
                for x in range(across):
                    put(n, coded[n][y, x])
        else:
            for my in range(mcus_y):
                for mx in range(mcus_x):
                    for n in components:
                        h, v = samplings[n]
                        for y in range(v):
                            for x in range(h):
                                put(n, coded[n][my * v + y, mx * h + x])
        out.append(marker(0xDA, head) + bits.data())

    if progressive:
        for components in together:
            scan(components, 0, 0)
        for n in everything:
            scan([n], 1, 5)
            scan([n], 6, 63)
    else:
        for components in together:
            scan(components, 0, 63)
    return b"".join(out) + b"\xff\xd9"


def marker(kind, body):
    return bytes([0xFF, kind]) + struct.pack(">H", len(body) + 2) + body
