#!/usr/bin/env python3
"""copy-settings.py OLD NEW [--token-file FILE] [--keep]: limits and schedules of the server OLD go to the server NEW.

Each schedule that was copied is paused on OLD, so that it fires on one of them alone; with --keep it goes on there and is
paused on NEW. Schedules that NEW has already stay as they are, so to do it again does no harm. Ends with 0, or with 1 and a
reason."""
import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

WHAT_IT_WAS_TOLD = ("name", "job_type", "params", "tags", "priority", "cron", "time_zone", "every", "anchor", "overlap",
                    "catch_up_limit", "jitter", "paused", "starts_at", "ends_at")


class Server:
    def __init__(self, url, token):
        self.url = url.rstrip("/")
        self.fields = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def ask(self, method, path, body=None, or_none=False):
        request = urllib.request.Request(self.url + "/api/v1" + path, method=method, headers=self.fields,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            if error.code == 404 and or_none:
                return None
            sys.exit(f"{self.url}: {method} {path}: {error.code} {error.read().decode()}")
        except urllib.error.URLError as error:
            sys.exit(f"{self.url}: {error.reason}")

    def all(self, path):
        cursor = ""
        while cursor is not None:
            page = self.ask("GET", f"{path}?limit=200" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            yield from page["items"]
            cursor = page["next_cursor"]


def token_in(file):
    if not file:
        return None
    with open(file, encoding="utf-8") as lines:
        words = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    return words[0] if words else sys.exit(f"{file} has no token")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--token-file", help="a file with the token of both in its first line")
    parser.add_argument("--keep", action="store_true", help="schedules go on at the old server")
    said = parser.parse_args()
    token = token_in(said.token_file)
    old, new = Server(said.old, token), Server(said.new, token)
    limits = old.ask("GET", "/limits")["items"]
    for limit in limits:
        told = {name: limit[name] for name in ("max_concurrency", "rate", "burst", "paused") if limit.get(name)}
        new.ask("PUT", "/limits/" + urllib.parse.quote(limit["task_type"]), told)
    copied = 0
    for listed in list(old.all("/schedules")):
        path = "/schedules/" + urllib.parse.quote(listed["id"])
        if new.ask("GET", path, or_none=True):
            continue
        schedule = old.ask("GET", path)
        told = {name: schedule[name] for name in WHAT_IT_WAS_TOLD if schedule.get(name) is not None}
        if said.keep:
            told["paused"] = True
        elif not schedule.get("paused"):
            old.ask("POST", path + "/$pause")
        new.ask("PUT", path, told)
        copied += 1
    print(f"{len(limits)} limits and {copied} schedules")


if __name__ == "__main__":
    main()
