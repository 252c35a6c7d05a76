"""A FastAPI application. It knows nothing of queues, balancers or AWS: it is plain FastAPI.

GET names the instance that answers, at the paths of two clusters. POST names uploaded files: the name of a file follows from
the first byte of the SHA-256 of its bytes, so that every answer is right or wrong; the worker of this project gives the same
names. POST a file in the form field `inputFile`; the answer is `STEM:NAME`.
"""

from hashlib import sha256
from os import environ
from pathlib import PurePath
from socket import gethostname

from fastapi import FastAPI, UploadFile
from fastapi.responses import PlainTextResponse

NAMES = """
    acorn amber anchor apple arrow badger basil beacon birch bramble
    bridge brook butter candle canyon carrot castle cedar cherry clover
    cobalt copper coral cotton cricket crystal daisy dolphin dragon ember
    falcon fennel ferry fiddle flint forest fossil garlic ginger granite
    hammer harbor hazel heron hollow honey indigo island ivory jasmine
    juniper kettle ladder lantern lemon lichen lilac linen lizard lotus
    magnet maple marble meadow mint mirror moss nettle nutmeg oak
    olive onyx orchid otter paper pebble pepper pine plum pond
    quartz quill raven reed river robin saddle saffron salmon silver
    sparrow spruce thistle thunder timber tulip velvet walnut willow zephyr
""".split()

INSTANCE = environ.get("INSTANCE_ID") or gethostname()

app = FastAPI()


@app.get("/")
def received() -> dict[str, str]:
    return {"message": f"Instance {INSTANCE} has received the request"}


@app.get("/cluster1")
def cluster1() -> dict[str, str]:
    return {"message": f"Cluster 1 - Instance {INSTANCE} is responding now!"}


@app.get("/cluster2")
def cluster2() -> dict[str, str]:
    return {"message": f"Cluster 2 - Instance {INSTANCE} is responding now!"}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/{path:path}", response_class=PlainTextResponse)
async def name(path: str, inputFile: UploadFile) -> str:
    content = await inputFile.read()
    stem = PurePath(inputFile.filename or "").stem
    return f"{stem}:{NAMES[sha256(content).digest()[0] % len(NAMES)]}"
