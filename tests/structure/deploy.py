#!/usr/bin/env python3
"""deploy.py TREE [PROGRAM]: what is ready to copy in deploy/ can be read by those who will, and says what the program
knows. Units are judged by systemd-analyze and the compose file by PyYAML, where they are there."""
import importlib.util
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

tree = pathlib.Path(sys.argv[1])
program = sys.argv[2] if len(sys.argv) > 2 else None
failures = []
checks = 0


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def flags_of(command):
    """What `coremachine COMMAND` takes."""
    return set(re.findall(r"--[a-z][a-z-]*", subprocess.run([program, command, "--help"], capture_output=True, text=True,
                                                             check=True).stdout))


def check_command(words, where):
    if not program:
        return
    known = flags_of(words[0])
    for word in words[1:]:
        if word.startswith("--"):
            check(word.split("=")[0] in known, f"{where}: coremachine {words[0]} knows no {word}")


def settings_in(text):
    """The configuration that a comment shows: the lines that are indented below `#`."""
    return "\n".join(line[4:] for line in text.splitlines() if line.startswith("#   ") and
                     (re.match(r"#   [a-z_]+ = ", line) or re.match(r"#   \[[a-z]+\]", line)))


# ---- units ----
known_variables = (tree / "triggers/cli/config/settings_table.cpp").read_text()
units = sorted((tree / "deploy/systemd").glob("*.service"))
check(len(units) == 2, f"units: {units}")
for unit in units:
    text = unit.read_text()
    for variable in re.findall(r"^Environment=(COREMACHINE_[A-Z_]+)=", text, re.M):
        check(variable == "COREMACHINE_CONFIG" or f'"{variable}"' in known_variables, f"{unit.name}: {variable}")
    starts = re.findall(r"^ExecStart=/usr/local/bin/coremachine (.*)$", text, re.M)
    check(len(starts) == 1, f"{unit.name}: it starts {starts}")
    check_command(shlex.split(starts[0]), unit.name)
    settings = settings_in(text)
    check(len(settings.splitlines()) > 3, f"{unit.name} shows its settings")
    if program:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(settings)
            file.flush()
            told = subprocess.run([program, "config", "show", "--config", file.name], capture_output=True, text=True)
            check(told.returncode == 0, f"{unit.name}: {told.stderr}")
    if shutil.which("systemd-analyze"):
        with tempfile.TemporaryDirectory() as folder:
            # The program is not installed where a test runs.
            copy = pathlib.Path(folder) / unit.name
            copy.write_text(text.replace("/usr/local/bin/coremachine", "/bin/true"))
            name = str(copy).replace("@.", "@1.")
            if name != str(copy):
                pathlib.Path(name).write_text(copy.read_text())
            told = subprocess.run(["systemd-analyze", "verify", "--man=no", name], capture_output=True, text=True)
            ours = [line for line in told.stderr.splitlines() if unit.name.split("@")[0].split(".")[0] in line]
            check(not ours, f"{unit.name}: {ours}")

# ---- compose ----
compose = (tree / "deploy/compose.yaml").read_text()
for command in re.findall(r"command: (\[\"(?:serve|worker)\"(?:[^\]]|\n)*\])", compose):
    words = re.findall(r'"([^"]*)"', command)
    check_command(words, "compose.yaml")
check(compose.count('command: ["serve"') == 2, "compose.yaml has two servers")
if importlib.util.find_spec("yaml"):
    import yaml
    services = yaml.safe_load(compose)["services"]
    check({"postgres", "redis", "server-a", "server-b", "worker"} == set(services), f"{set(services)}")
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            check(other in services, f"{name} depends on {other}")
        for volume in service.get("volumes", []):
            check(volume.split(":")[0] in yaml.safe_load(compose)["volumes"], f"{name}: {volume}")
        check(("build" in service) or ("image" in service), f"{name} is made of something")
    names = [services[name]["command"][services[name]["command"].index("--server-name") + 1] for name in ("server-a", "server-b")]
    check(len(set(names)) == 2, f"servers have names of their own: {names}")

# ---- what the image needs is what is built against ----
dockerfile = (tree / "deploy/Dockerfile").read_text()
for library in ("libboost-json", "libhiredis", "libpq5", "libsqlite3", "libssl3"):
    check(library in dockerfile, f"Dockerfile: {library}")

# ---- and what the page tells people to type ----
page = (tree / "docs/guide/scale-out.md").read_text()
commands = re.findall(r"^ *(coremachine (?:serve|worker)\b(?:[^\n]*\\\n)*[^\n`]*)$", page, re.M)
check(len(commands) >= 1, "the page has commands")
for command in commands:
    check_command(shlex.split(command.replace("\\\n", " "))[1:], "scale-out.md")

print(f"{checks} checks, {len(failures)} failed")
sys.exit(1 if failures else 0)
