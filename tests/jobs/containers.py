#!/usr/bin/env python3
"""containers.py PROGRAM: list_container as a user runs it, at size and in what GDAL can list."""
import functools
import hashlib
import http.server
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import threading
import zipfile

program = os.path.realpath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix="coremachine-containers-"))
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def run(params, *options, status=0):
    ended = subprocess.run([program, "run", "list_container", json.dumps(params), "-q", "-o", "json", *options],
                           capture_output=True, text=True)
    check(ended.returncode == status, f"{params}: exit {ended.returncode}, {ended.stderr[:500]}")
    return (json.loads(ended.stdout) if ended.stdout else None), ended.stderr


def artifact(store, reference):
    name = reference["$artifact"]
    digest = name.removeprefix("sha256-")
    for path in pathlib.Path(store + "-artifacts").rglob("*"):
        if path.is_file() and digest[4:] in str(path):
            return json.loads(path.read_bytes()[: reference["size"]])
    raise FileNotFoundError(name)


def sha256(text):
    return hashlib.sha256(text).hexdigest()


# ---- a hundred thousand files, and the memory that they take ----
count = 100_000
os.mkdir("many")
for folder in range(100):
    os.mkdir(f"many/{folder:02}")
    for number in range(count // 100):
        with open(f"many/{folder:02}/{number:05}", "w") as file:
            file.write(f"{folder} {number}")


def peak_of(limit):
    """Megabytes of a run with so many files."""
    code = ("import resource, subprocess, sys;"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    ended = subprocess.run([sys.executable, "-c", code, program, "run", "list_container", "-q", "--workers", "2",
                            "--store", f"sqlite:peak{limit}.db", "-p", "container_name=many", "-p", f"limit={limit}"],
                           capture_output=True, text=True, check=True)
    return int(ended.stdout) / 1024


few, all_of_them = peak_of(10_000), peak_of(count)
print(f"peak memory: {few:.0f} MiB for 10,000 files, {all_of_them:.0f} MiB for {count:,}")
# The names of one directory, segments on their way to disk, a page of results: none of it grows with the whole.
check(all_of_them < few + 32, f"{count} files take {all_of_them:.0f} MiB, and a tenth of them {few:.0f}")

result, _ = run({"container_name": "many"}, "--store", "sqlite:many.db")
check(result["blob_count"] == count, "all files are counted")
check(result["analysis"]["total_blobs"] == count, "all files are analysed")
analyses = artifact("many.db", result["analysis"]["analyses"])
check(len(analyses) == count, f"the artifact has {len(analyses)} analyses")
expected = [(f"{f:02}/{n:05}", f"{f} {n}".encode()) for f in range(100) for n in range(count // 100)]
wrong = [a for a, (name, text) in zip(analyses, expected)
         if (a["name"], a["size"], a["sha256"], a["media_type"]) != (name, len(text), sha256(text), "text/plain")]
check(not wrong, f"{len(wrong)} analyses are not what they should be: {wrong[:2]}")
check(result["analysis"]["total_size"] == sum(len(text) for _, text in expected), "the sizes are summed")
result, _ = run({"container_name": "many", "prefix": "42/", "limit": 7})
check([a["name"] for a in result["analysis"]["analyses"]] == [f"42/{n:05}" for n in range(7)], "prefix and limit")

# ---- what GDAL can list ----
tree = {"a.txt": b"one", "sub/b.json": b"{}", "sub/deep/er/c.bin": bytes(range(256)) * 2000, "ä.txt": b"", "z": b"zz"}
for name, content in tree.items():
    path = pathlib.Path("tree", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
with zipfile.ZipFile("tree.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in tree.items():
        archive.writestr(name, content)
    archive.writestr("../outside.txt", b"never")


def expect_tree(container, only=lambda name: True):
    result, _ = run({"container_name": container})
    found = {a["name"]: (a["size"], a["sha256"]) for a in result["analysis"]["analyses"] if only(a["name"])}
    wanted = {name: (len(content), sha256(content)) for name, content in tree.items()}
    check(found == wanted, f"{container}: {found}")
    names = [a["name"].encode() for a in result["analysis"]["analyses"]]
    check(names == sorted(names), f"{container}: sorted")
    return result


local = expect_tree("tree")
ended = subprocess.run([program, "run", "list_container", "-q", "-p", "container_name=/vsizip/tree.zip"],
                       capture_output=True, text=True)
if "built without GDAL" in ended.stderr:
    print("this program was built without GDAL: nothing more to test")
    sys.exit(1 if failures else 0)

zipped = expect_tree("/vsizip/tree.zip")
check(zipped["blob_count"] == len(tree), f"a name that leads out of the archive is not followed: {zipped}")
expect_tree("/vsizip/" + os.path.abspath("tree.zip") + "/")
result, _ = run({"container_name": "/vsizip/tree.zip", "prefix": "sub/d"})
check([a["name"] for a in result["analysis"]["analyses"]] == ["sub/deep/er/c.bin"], "a prefix inside of an archive")
result, _ = run({"container_name": "/vsizip/tree.zip", "prefix": "no/such/"})
check(result["blob_count"] == 0, "a prefix that nothing has")

damaged = bytearray(open("tree.zip", "rb").read())
at = damaged.find(b"c.bin") + 40
damaged[at:at + 400] = b"\0" * 400
open("damaged.zip", "wb").write(damaged)
result, _ = run({"container_name": "/vsizip/damaged.zip"})
check(result["analysis"]["failed_blobs"] == 1, f"a damaged member is told of: {result}")
check("c.bin" in result["analysis"]["failures"][0]["message"], "and by name")
check(result["analysis"]["total_blobs"] == len(tree) - 1, "and tolerated")

for container in ("/vsizip/nothing.zip", "/vsizip/tree/a.txt", "/vsinothing/x"):
    _, said = run({"container_name": container}, status=1)
    check("cannot be listed" in said, f"{container}: {said}")


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="tree"))
threading.Thread(target=server.serve_forever, daemon=True).start()
expect_tree(f"/vsicurl/http://127.0.0.1:{server.server_port}/")
server.shutdown()

print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
