#!/usr/bin/env python3
"""rasters.py PROGRAM: stage_raster beside GDAL's own programs, and under trouble."""
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

try:
    import numpy
    from osgeo import gdal, osr
    from osgeo_utils.samples import validate_cloud_optimized_geotiff as cog
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

program = os.path.realpath(sys.argv[1])
work = tempfile.mkdtemp(prefix="coremachine-rasters-")
os.chdir(work)
gdal.UseExceptions()
failures = []
known = subprocess.run([program, "run", "stage_raster", "{}"], capture_output=True, text=True).stderr
if "not in this program" in known:
    print("SKIPPED: this program was built without GDAL")
    sys.exit(0 if "./dev build" in known else 1)


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def stage(params, *options, **how):
    return subprocess.run([program, "run", "stage_raster", json.dumps(params), "-q", "-o", "json", *options],
                          capture_output=True, text=True, **how)


def left_in(folder):
    return sorted(os.listdir(folder))


# ---- sources, made here ----
def make(name, width, height, bands=1, kind=gdal.GDT_Byte, options=(), nodata=None, epsg=32632,
         transform=(500000, 10, 0, 5200000, 0, -10), alpha=False, colors=False):
    data = gdal.GetDriverByName("GTiff").Create(name, width, height, bands, kind, options=list(options))
    if epsg:
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(epsg)
        data.SetProjection(crs.ExportToWkt())
    if transform:
        data.SetGeoTransform(transform)
    random = numpy.random.default_rng(1)
    x, y = numpy.arange(width), numpy.arange(height)
    for band in range(bands):
        values = (numpy.sin(x / 97)[None, :] * 60 + numpy.cos(y / 53)[:, None] * 50 + 120 +
                  random.integers(0, 6, (height, width)) + band * 3)
        if alpha and band == bands - 1:
            values = numpy.where((x[None, :] // 100 + y[:, None] // 100) % 2 == 0, 255, 0)
        elif nodata is not None:
            values = numpy.where(random.random((height, width)) < 0.1, nodata, values)
        data.GetRasterBand(band + 1).WriteArray(values)
        if nodata is not None:
            data.GetRasterBand(band + 1).SetNoDataValue(nodata)
    if colors:
        table = gdal.ColorTable()
        for i in range(256):
            table.SetColorEntry(i, (i, 255 - i, i // 2, 255))
        data.GetRasterBand(1).SetColorTable(table)
    data = None


make("rgb.tif", 1301, 1103, 3, options=["PHOTOMETRIC=RGB"])
make("rgba.tif", 901, 803, 4, options=["PHOTOMETRIC=RGB", "ALPHA=YES"], alpha=True)
make("classes.tif", 900, 700, colors=True)
make("signed.tif", 1030, 700, 2, gdal.GDT_Int16, nodata=-32768)
make("tiled.tif", 600, 1500, 1, gdal.GDT_UInt16, options=["TILED=YES", "COMPRESS=DEFLATE"])
make("small.tif", 100, 80, 1, gdal.GDT_UInt32)
make("float.tif", 1500, 1200, 1, gdal.GDT_Float32, nodata=-9999)
make("double.tif", 300, 600, 2, gdal.GDT_Float64, nodata=float("nan"))
make("rotated.tif", 700, 600, transform=(500000, 9, 3, 5200000, 3, -9))
make("upside_down.tif", 700, 600, transform=(500000, 10, 0, 5200000, 0, 10))
make("world.tif", 1440, 720, 1, gdal.GDT_Float32, epsg=4326, transform=(-180, 0.25, 0, 90, 0, -0.25))
make("fiji.tif", 400, 300, epsg=32701, transform=(100000, 1000, 0, 8200000, 0, -1000))
make("pixel.tif", 3, 2)

# ---- the same pixels as gdalwarp, and a valid file ----
plain = {}
to_mercator = {"target_crs": "EPSG:3857", "resampling": "bilinear"}
to_degrees = {"target_crs": "EPSG:4326", "tile_size": 256}
to_laea = {"target_crs": "EPSG:3035", "resampling": "cubic", "alpha": True, "tile_size": 512, "predictor": True,
           "compression": "lzw"}
to_pole = {"target_crs": "EPSG:3995", "resampling": "cubicspline", "compression": "none"}
cases = [("rgb", plain), ("rgb", to_mercator), ("rgb", to_laea),
         ("rgb", {"nodata": 0, "target_crs": "EPSG:4326", "compression": "zstd", "level": 3, "tile_size": 256}),
         ("rgba", plain), ("rgba", to_mercator), ("classes", plain), ("classes", to_degrees), ("signed", to_degrees),
         ("signed", {"target_crs": "EPSG:4326", "resampling": "mode", "predictor": True}), ("tiled", to_laea),
         ("small", to_degrees), ("float", plain), ("float", to_laea),
         ("float", {"nodata": "nan", "target_crs": "EPSG:4326", "resampling": "average", "compression": "none"}),
         ("float", {"target_crs": "EPSG:4326", "resampling": "lanczos", "predictor": True, "compression": "zstd"}),
         ("double", to_mercator), ("rotated", plain), ("rotated", to_mercator), ("upside_down", plain),
         ("world", to_pole), ("world", {"target_crs": "EPSG:3857"}), ("fiji", to_degrees), ("pixel", plain),
         ("pixel", to_mercator)]


def warp_arguments(params):
    arguments = ["-et", "0", "-wm", "1000", "-wo", "SRC_FILL_RATIO_HEURISTICS=NO"]
    for name, flag in (("target_crs", "-t_srs"), ("resampling", "-r"), ("nodata", "-dstnodata")):
        if name in params:
            arguments += [flag, str(params[name])]
    return arguments + (["-dstalpha"] if params.get("alpha") else [])


def compare(name, made, wanted):
    size = (made.RasterXSize, made.RasterYSize, made.RasterCount)
    check(size == (wanted.RasterXSize, wanted.RasterYSize, wanted.RasterCount), f"{name}: size {size}")
    check(numpy.allclose(made.GetGeoTransform(), wanted.GetGeoTransform(), rtol=1e-12), f"{name}: transform")
    check(made.GetSpatialRef().IsSame(wanted.GetSpatialRef()), f"{name}: reference system")
    for number in range(1, wanted.RasterCount + 1):
        one, other = made.GetRasterBand(number), wanted.GetRasterBand(number)
        check(one.DataType == other.DataType, f"{name}: type")
        check(one.GetColorInterpretation() == other.GetColorInterpretation(), f"{name}: color")
        check(repr(one.GetNoDataValue()) == repr(other.GetNoDataValue()), f"{name}: nodata")
        ours, theirs = one.ReadAsArray(), other.ReadAsArray()
        same = numpy.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")
        check(same, f"{name}: {(ours != theirs).sum()} pixels of band {number} are other ones")


def valid_pixels(data, number):
    band = data.GetRasterBand(number)
    values = band.ReadAsArray().astype("float64")
    mask = ~numpy.isnan(values)
    if band.GetNoDataValue() is not None:
        mask &= values != band.GetNoDataValue()
    last = data.GetRasterBand(data.RasterCount)
    if number < data.RasterCount and last.GetColorInterpretation() == gdal.GCI_AlphaBand:
        mask &= last.ReadAsArray() != 0
    return values[mask]


# ---- STAC: what the schemas of the item and of its three extensions ask for ----
def check_item(name, item, data):
    def need(holds, what):
        check(holds, f"{name}: STAC: {what}")

    need(item["type"] == "Feature" and item["stac_version"] == "1.0.0", "type and version")
    need(set(item) <= {"type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "properties", "links",
                       "assets", "collection"}, f"members {set(item)}")
    need(isinstance(item["id"], str) and item["id"], "id")
    need(all(re.match(r"https://stac-extensions\.github\.io/\w+/v\d+\.\d+\.\d+/schema\.json$", e)
             for e in item["stac_extensions"]), "extensions")
    need(item["links"] == [], "links")
    geometry, bbox = item["geometry"], item["bbox"]
    need(len(bbox) == 4 and bbox[1] <= bbox[3] and all(-180 <= x <= 180 for x in bbox[::2]) and
         all(-90 <= y <= 90 for y in bbox[1::2]), f"bbox {bbox}")
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    need(geometry["type"] == ("MultiPolygon" if bbox[0] > bbox[2] else "Polygon"), f"geometry {geometry['type']}")
    for polygon in polygons:
        for ring in polygon:
            need(len(ring) >= 4 and ring[0] == ring[-1] and all(len(p) == 2 for p in ring), "rings are closed")
            area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
            need(area > 0, "rings go counter-clockwise")
            need(all(bbox[1] - 1e-6 <= p[1] <= bbox[3] + 1e-6 for p in ring), "the bbox holds the geometry")
    properties = item["properties"]
    need(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", properties["datetime"]), "datetime")
    need(properties["proj:epsg"] is None or isinstance(properties["proj:epsg"], int), "proj:epsg")
    need(properties["proj:shape"] == [data.RasterYSize, data.RasterXSize], "proj:shape")
    transform = data.GetGeoTransform()
    need(numpy.allclose(properties["proj:transform"], [transform[i] for i in (1, 2, 0, 4, 5, 3)], rtol=1e-12),
         "proj:transform")
    need(len(properties["proj:bbox"]) == 4, "proj:bbox")
    asset = item["assets"]["data"]
    need(asset["type"] == "image/tiff; application=geotiff; profile=cloud-optimized", "asset type")
    need(asset["roles"] == ["data"] and os.path.isabs(asset["href"]), "asset")
    need(asset["file:size"] == os.path.getsize(asset["href"]), "file:size")
    need(len(asset["raster:bands"]) == data.RasterCount, "raster:bands")
    for number, band in enumerate(asset["raster:bands"], 1):
        kind = data.GetRasterBand(number).ReadAsArray(0, 0, 1, 1).dtype.name
        need(band["data_type"] == kind, f"data_type {band['data_type']}")
        need(band["sampling"] in ("area", "point"), "sampling")
        nodata = data.GetRasterBand(number).GetNoDataValue()
        need(("nodata" in band) == (nodata is not None), "nodata")
        need(not isinstance(band.get("nodata", 0), str) or band["nodata"] in ("nan", "inf", "-inf"), "nodata")
        values, said = valid_pixels(data, number), band["statistics"]
        need(set(said) <= {"minimum", "maximum", "mean", "stddev", "valid_percent"}, "statistics")
        need(abs(said["valid_percent"] - values.size * 100 / (data.RasterXSize * data.RasterYSize)) < 1e-6, "valid_percent")
        if values.size:
            need(numpy.allclose([said["minimum"], said["maximum"]], [values.min(), values.max()], rtol=1e-14, atol=0),
                 "minimum and maximum")
            need(numpy.isclose(said["mean"], values.mean(), rtol=1e-9), "mean")
            need(numpy.isclose(said["stddev"], values.std(), rtol=1e-6, atol=1e-9), "stddev")


for source, params in cases:
    name = f"{source} {params}"
    shutil.rmtree("out", ignore_errors=True)
    os.mkdir("out")
    ended = stage({"source": f"{source}.tif", "destination": "out/made.tif", **params})
    check(ended.returncode == 0, f"{name}: {ended.stderr}")
    if ended.returncode != 0:
        continue
    subprocess.run(["gdalwarp", "-q", "-overwrite", *warp_arguments(params), f"{source}.tif", "wanted.tif"], check=True,
                   stderr=subprocess.DEVNULL)
    data = gdal.Open("out/made.tif")
    compare(name, data, gdal.Open("wanted.tif"))
    check_item(name, json.loads(ended.stdout)["stac_item"], data)
    data = None
    warnings, errors, _ = cog.validate("out/made.tif", full_check=True)
    check(not warnings and not errors, f"{name}: {warnings} {errors}")
    check(left_in("out") == ["made.tif"], f"{name}: {left_in('out')}")
item = json.loads(stage({"source": "fiji.tif", "destination": "out/fiji.tif"}).stdout)["stac_item"]
check(item["bbox"][0] > item["bbox"][2] and item["geometry"]["type"] == "MultiPolygon", f"fiji: {item['bbox']}")

# ---- overviews are means of two by two ----
make("even.tif", 2048, 1024)
stage({"source": "even.tif", "destination": "out/even.tif", "tile_size": 512})
data = gdal.Open("out/even.tif")
level = data.ReadAsArray().astype("int64")
check(data.GetRasterBand(1).GetOverviewCount() == 2, "two overviews")
for number in range(2):
    level = (level[0::2, 0::2] + level[1::2, 0::2] + level[0::2, 1::2] + level[1::2, 1::2] + 2) // 4
    check(numpy.array_equal(data.GetRasterBand(1).GetOverview(number).ReadAsArray(), level), f"overview {number}")
data = None

# ---- what is wrong is named ----
pathlib.Path("text.tif").write_text("this is no raster")
pathlib.Path("cut.tif").write_bytes(pathlib.Path("rgb.tif").read_bytes()[:100])
make("nowhere.tif", 50, 50, epsg=None, transform=None)
make("no_crs.tif", 50, 50, epsg=None)
make("complex.tif", 50, 50, 1, gdal.GDT_CFloat32)
shutil.rmtree("out")
os.mkdir("out")
pathlib.Path("out/there.tif").write_text("precious")
for params, said in (
        ({"source": "missing.tif"}, "cannot be opened as a raster"),
        ({"source": "text.tif"}, "cannot be opened as a raster"),
        ({"source": "cut.tif"}, "cannot be"),
        ({"source": "nowhere.tif"}, "is not georeferenced"),
        ({"source": "no_crs.tif"}, "say which one it is by source_crs"),
        ({"source": "complex.tif"}, "are CFloat32, should be Byte"),
        ({"source": "rgb.tif", "target_crs": "EPSG:999999"}, "is no coordinate reference system"),
        ({"source": "rgb.tif", "nodata": -9999}, "nodata: -9999 is no value of Byte"),
        ({"source": "rgb.tif", "nodata": 0.5}, "is no value of Byte"),
        ({"source": "double.tif", "tile_size": 8192}, "tile_size: 8192 makes tiles of 1024 MiB"),
        ({"source": "rgb.tif", "destination": "no/such/made.tif"}, "make \"no/such\" first"),
        ({"source": "rgb.tif", "destination": "out"}, "is a directory"),
        ({"source": "rgb.tif", "destination": "out/there.tif"}, "\"overwrite\": true"),
        ({"source": "rgb.tif", "destination": "rgb.tif", "overwrite": True}, "is the source itself")):
    ended = stage({"destination": "out/made.tif", **params})
    check(ended.returncode == 1 and said in ended.stderr, f"{params}: exit {ended.returncode}, {ended.stderr}")
    check(left_in("out") == ["there.tif"], f"{params}: {left_in('out')}")
ended = stage({"source": "no_crs.tif", "source_crs": "EPSG:32632", "destination": "out/made.tif"})
check(ended.returncode == 0, f"source_crs: {ended.stderr}")
check(gdal.Open("out/made.tif").GetSpatialRef().GetAuthorityCode(None) == "32632", "source_crs is taken")
check(pathlib.Path("out/there.tif").read_text() == "precious", "what was there stays")
ended = stage({"source": "rgb.tif", "destination": "out/there.tif", "overwrite": True})
check(ended.returncode == 0 and gdal.Open("out/there.tif").RasterCount == 3, f"overwrite: {ended.stderr}")

# ---- trouble ----
shutil.rmtree("out")
os.mkdir("out")
broken = bytearray(pathlib.Path("tiled.tif").read_bytes())
middle = len(broken) // 2
broken[middle:middle + 100_000] = bytes(100_000)  # more than a block, so that the beginning of one is among it
pathlib.Path("broken.tif").write_bytes(broken)
ended = stage({"source": "broken.tif", "destination": "out/made.tif", "tile_size": 256})
check(ended.returncode == 1 and "broken.tif\" cannot be read where the pixels from" in ended.stderr, f"broken: {ended.stderr}")
check(not os.path.exists("out/made.tif"), "a broken block in the middle leaves no destination")

make("large.tif", 3000, 3000, 3)
for limit in (100_000, 3_000_000, 12_000_000):
    shutil.rmtree("out")
    os.mkdir("out")
    ended = stage({"source": "large.tif", "destination": "out/made.tif", "tile_size": 1024},
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    check(ended.returncode == 1 and "cannot be written" in ended.stderr, f"{limit} bytes: {ended.stderr}")
    check(not os.path.exists("out/made.tif"), f"a file of at most {limit} bytes leaves no destination")
    check(not list(pathlib.Path("out").rglob("*.tmp")), f"{limit}: nothing half-written stays")

if os.geteuid() == 0 and shutil.which("mount"):
    os.makedirs("full", exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", "full"], capture_output=True).returncode == 0:
        ended = stage({"source": "large.tif", "destination": "full/made.tif", "tile_size": 1024})
        check(ended.returncode == 1 and "No space left on device" in ended.stderr, f"full disk: {ended.stderr}")
        check(not os.path.exists("full/made.tif"), "a full disk leaves no destination")
        subprocess.run(["umount", "full"], check=True)

shutil.rmtree("out")
os.mkdir("out")
params = json.dumps({"source": "large.tif", "destination": "out/made.tif", "target_crs": "EPSG:3857", "tile_size": 256})
running = subprocess.Popen([program, "run", "stage_raster", params, "-o", "json"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True)
running.stderr.readline()  # the job has begun
running.send_signal(signal.SIGINT)
running.communicate()
check(running.returncode == 130, f"interrupted: {running.returncode}")
check(not os.path.exists("out/made.tif"), "a cancelled job leaves no destination")

if not failures:
    shutil.rmtree(work)
print(f"{len(cases)} rasters compared, {len(failures)} failures")
sys.exit(1 if failures else 0)
