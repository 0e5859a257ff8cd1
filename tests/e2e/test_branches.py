"""examples/branches: three branches into one backup by the example's one command, and our own look at both sides."""
from __future__ import annotations

import re
import subprocess

from compare import database_differences
from embedded_server import end_with_parent, stop_process
from mirror_daemon import ROOT
from pymongo import MongoClient
from world import patience

RUN = ROOT / "examples" / "branches" / "run"
BRANCHES = ("berlin", "paris", "oslo")


def test_each_branch_is_on_the_backup_under_its_own_name() -> None:
    process = subprocess.Popen([str(RUN), "--stay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, preexec_fn=end_with_parent)
    try:
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("press Enter"):
                break
        text = "".join(told)
        uris = dict(re.findall(r"^(\w+)\s+(mongodb://\S+)", text, re.MULTILINE))
        assert set(uris) == {"backup", *BRANCHES}, text
        for branch in BRANCHES:
            assert re.search(rf"^{branch} .*shop_{branch}\.bills.* equal$", text, re.MULTILINE), text
        assert "oslo gets a new server" in text and "restored, the same as before" in text
        backup = MongoClient(uris["backup"])
        ours = {name for name in backup.list_database_names() if name.startswith("shop")}
        assert ours == {f"shop_{branch}" for branch in BRANCHES}
        contents = set()
        for branch in BRANCHES:
            local = MongoClient(uris[branch]).shop
            assert database_differences(local, backup[f"shop_{branch}"]) == []
            contents.add(str(local.bills.find_one({"_id": 500})))
        assert len(contents) == len(BRANCHES), "the same id is another bill in each branch"
        rest, _ = process.communicate("\n", timeout=patience(60))
        assert process.returncode == 0 and "nothing is left running" in rest, rest
    finally:
        stop_process(process, 30)
