"""A Flask application that names the instance that answers, at the paths of two clusters. It knows nothing of AWS."""

from os import environ
from socket import gethostname

from flask import Flask

INSTANCE = environ.get("INSTANCE_ID") or gethostname()

app = Flask(__name__)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/")
def received() -> dict[str, str]:
    return {"message": f"Instance {INSTANCE} has received the request"}


@app.get("/cluster1")
def cluster1() -> dict[str, str]:
    return {"message": f"Cluster 1 - Instance {INSTANCE} is responding now!"}


@app.get("/cluster2")
def cluster2() -> dict[str, str]:
    return {"message": f"Cluster 2 - Instance {INSTANCE} is responding now!"}
