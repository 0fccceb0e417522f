#!/usr/bin/env python3
"""beside_tools.py PROGRAM raster|container [--repeat N] [--size N] [--folder DIR]: the tables of docs/performance.md.

Each row is a tool alone and the job that does the same, run in turns; times are medians, a ratio is the median of the
ratios of the pairs. Memory is the peak of the largest process.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("what", choices=["raster", "container"])
arguments.add_argument("--repeat", type=int, default=5)
arguments.add_argument("--size", type=int, help="pixels along an edge (8000), or small files (100000)")
arguments.add_argument("--folder", help="where the files are made; by default a temporary directory")
asked = arguments.parse_args()
program = os.path.realpath(asked.program)


def apart(function, *words):
    """Whether a function returns true in a process of its own: what it imports would count as memory of the others."""
    child = os.fork()
    if child == 0:
        os._exit(0 if function(*words) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def timed(*commands):
    """Seconds, and the peak memory in MiB, of commands one after the other."""
    peak = 0
    begin = time.perf_counter()
    for command in commands:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{command} ended with {child.returncode}")
        peak = max(peak, usage.ru_maxrss / 1024)
    return time.perf_counter() - begin, peak


def pairs(name, tool, job):
    """Prints a row; `tool` and `job` run once and return what `timed` does."""
    tools, jobs = [], []
    for turn in range(asked.repeat):
        for side, results in ((tool, tools), (job, jobs)) if turn % 2 == 0 else ((job, jobs), (tool, tools)):
            results.append(side())
    seconds = lambda results: statistics.median(time for time, _ in results)
    memory = lambda results: max(peak for _, peak in results)
    ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in zip(jobs, tools))
    print(f"| {name} | {seconds(tools):.2f} s | {memory(tools):.0f} MiB | {seconds(jobs):.2f} s | {memory(jobs):.0f} MiB "
          f"| **{ratio:.2f}** |", flush=True)


def job(kind, workers, *params):
    command = [program, "run", kind, "-q", "--workers", str(workers), "--store", "sqlite:bench.db"]
    for name in ("bench.db", "bench.db-wal", "bench.db-shm"):
        if os.path.exists(name):
            os.remove(name)
    shutil.rmtree("bench.db-artifacts", ignore_errors=True)
    return timed(command + [word for param in params for word in ("-p", param)])


def containers():
    count = asked.size or 100_000
    os.makedirs("small")
    for number in range(count):
        if number % 1000 == 0:
            os.mkdir(f"small/{number // 1000:04}")
        with open(f"small/{number // 1000:04}/{number % 1000:03}", "wb") as file:
            file.write(os.urandom(2048) * 2)
    os.makedirs("large")
    for number in range(64):
        with open(f"large/{number}", "wb") as file:
            for _ in range(16):
                file.write(os.urandom(1 << 20))
    print("| files | find, xargs -P*n* sha256sum | | list_container, *n* workers | | ratio |")
    print("|---|---|---|---|---|---|")
    for name, what in ((f"{count:,} of 4 KiB", "small"), ("64 of 16 MiB", "large")):
        for workers in (1, 2):
            pairs(f"{name}, *n* = {workers}",
                  lambda: timed(["sh", "-c", f"find {what} -type f -print0 | xargs -0 -P{workers} sha256sum"]),
                  lambda: job("list_container", workers, f"container_name={what}"))


def make_raster(name, size, bands):
    import numpy
    from osgeo import gdal, osr
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32632)
    data = gdal.GetDriverByName("GTiff").Create(name, size, size, bands, gdal.GDT_Byte)
    data.SetProjection(crs.ExportToWkt())
    data.SetGeoTransform((400000, 10, 0, 5200000, 0, -10))
    random = numpy.random.default_rng(1)
    x = numpy.arange(size)
    for band in range(bands):
        for y in range(0, size, 500):
            rows = numpy.arange(y, min(y + 500, size))
            values = numpy.sin(x / 97)[None, :] * 60 + numpy.cos(rows / 53)[:, None] * 50 + 120
            data.GetRasterBand(band + 1).WriteArray(values + random.integers(0, 6, (len(rows), size)), 0, y)
    data.FlushCache()
    return True


def same_pixels(one, other):
    from osgeo import gdal
    first, second = gdal.Open(one), gdal.Open(other)
    for y in range(0, first.RasterYSize, 500):
        rows = min(500, first.RasterYSize - y)
        if (first.ReadAsArray(0, y, first.RasterXSize, rows) != second.ReadAsArray(0, y, first.RasterXSize, rows)).any():
            return False
    return (first.RasterXSize, first.RasterYSize) == (second.RasterXSize, second.RasterYSize)


def rasters():
    size = asked.size or 8000
    if not (apart(make_raster, "one.tif", size, 1) and apart(make_raster, "three.tif", size // 2, 3)):
        sys.exit("the rasters cannot be made: python3-gdal is needed")
    print("| raster | gdalwarp -et 0, gdal_translate -of COG | | stage_raster | | ratio |")
    print("|---|---|---|---|---|---|")
    for source, name, crs, resampling in (("one.tif", f"{size}² × 1 to EPSG:4326, near", "EPSG:4326", "near"),
                                          ("three.tif", f"{size // 2}² × 3 to EPSG:3857, bilinear", "EPSG:3857", "bilinear"),
                                          ("one.tif", f"{size}² × 1, not reprojected", None, "near")):
        to = ["-t_srs", crs] if crs else []

        def tool():
            return timed(["gdalwarp", "-q", "-overwrite", "-et", "0", "-r", resampling, *to, source, "warped.tif"],
                         ["gdal_translate", "-q", "-of", "COG", "-co", "COMPRESS=DEFLATE", "-co",
                          "OVERVIEW_RESAMPLING=AVERAGE", "warped.tif", "theirs.tif"])

        def ours(workers):
            return job("stage_raster", workers, f"source={source}", "destination=ours.tif", "overwrite=true",
                       f"resampling={resampling}", *([f"target_crs={crs}"] if crs else []))

        for workers in (1, 2):
            pairs(f"{name}, {workers} worker{'s' if workers > 1 else ''}", tool, lambda: ours(workers))
        print(f"the pixels are {'the same' if apart(same_pixels, 'ours.tif', 'theirs.tif') else 'OTHERS'}", file=sys.stderr)


folder = tempfile.mkdtemp(prefix="coremachine-bench-", dir=asked.folder)
os.chdir(folder)
try:
    rasters() if asked.what == "raster" else containers()
finally:
    shutil.rmtree(folder)
