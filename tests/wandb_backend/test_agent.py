"""The sweep server and the real `wandb agent`."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from project import ROOT
from segsweep.core.errors import UserError
from segsweep.wandb_backend import wandb_cli
from segsweep.wandb_backend.agent import run_trial, sweep_id
from segsweep.wandb_backend.sweep_server import SweepServer

SWEEP = {
    "program": "t.py",
    "project": "tests",
    "method": "random",
    "parameters": {"x": {"min": 0.0, "max": 1.0}},
}
KEY = "k" * 40


def post_query(url: str, query: str, key: str | None = KEY) -> tuple[int, Any]:
    request = urllib.request.Request(f"{url}/graphql", json.dumps({"query": query}).encode())
    if key:
        token = base64.b64encode(f"api:{key}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_server_assigns_its_run_once_and_only_with_the_key() -> None:
    with SweepServer(KEY, SWEEP, "run-1", {"x": 0.5}) as server:
        assert server.url.startswith("http://127.0.0.1:")
        heartbeat = "mutation { agentHeartbeat }"
        assert post_query(server.url, heartbeat, key=None)[0] == 401
        assert post_query(server.url, heartbeat, key="x" * 40)[0] == 401
        status, body = post_query(server.url, heartbeat)
        run = json.loads(body["data"]["agentHeartbeat"]["commands"])
        assert (status, run[0]["args"]) == (200, {"x": {"value": 0.5}})
        again = post_query(server.url, heartbeat)[1]["data"]["agentHeartbeat"]["commands"]
        assert json.loads(again) == []


def run_program(tmp_path: Path, code: str) -> Path:
    program = tmp_path / "t.py"
    program.write_text(code)
    out = tmp_path / "000"
    out.mkdir()
    run_trial(SWEEP, {"x": 0.25, "name": "008", "on": True}, [str(program), str(out)], out, "abc")
    return out


def test_the_agent_passes_every_value_with_its_type(tmp_path: Path) -> None:
    out = run_program(
        tmp_path,
        "import json, os, sys, wandb\n"
        "run = wandb.init()\n"
        "result = {'config': dict(run.config), 'id': run.id, 'sweep': run.sweep_id}\n"
        "run.finish()\n"
        "key = os.environ['WANDB_API_KEY'].encode()\n"
        "pids = os.getpid(), os.getppid()\n"
        "command_lines = [open(f'/proc/{pid}/cmdline', 'rb').read() for pid in pids]\n"
        "result['key in a command line'] = any(key in line for line in command_lines)\n"
        "open(sys.argv[1] + '/metrics.json', 'w').write(json.dumps(result))\n",
    )
    result = json.loads((out / "metrics.json").read_text())
    assert result["config"] == {"x": 0.25, "name": "008", "on": True}
    assert result["id"] == f"{sweep_id(SWEEP)}-abc"
    assert result["sweep"] == sweep_id(SWEEP)
    assert result["key in a command line"] is False
    assert list((out / "wandb").glob("offline-run-*"))


def test_a_trial_without_a_result_is_an_error_even_if_the_agent_exits_with_0(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="ended without a result"):
        run_program(tmp_path, "raise SystemExit(3)\n")


def test_wandb_still_has_the_poll_interval_that_wandb_cli_shortens() -> None:
    assert wandb_cli.wandb_agent.Agent.POLL_INTERVAL == 0.2


def test_agent_and_trial_end_when_the_serving_process_is_killed(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text(
        f"import sys, time, signal; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from segsweep.core.processes import die_with_parent; die_with_parent(signal.SIGTERM)\n"
        "import os; open(sys.argv[1] + '/pid', 'w').write(str(os.getpid())); time.sleep(60)\n"
    )
    code = (
        "import sys; from pathlib import Path; from segsweep.wandb_backend.agent import run_trial;"
        f"run_trial({SWEEP!r}, {{}}, ['{tmp_path}/t.py', '{tmp_path}'], Path('{tmp_path}'), 'k')"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT / "src")}
    )
    pid = tmp_path / "pid"
    wait_for(lambda: pid.exists() and bool(pid.read_text()), 60)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not Path(f"/proc/{pid.read_text()}").exists(), 5)


def wait_for(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"condition not met within {seconds} s"
        time.sleep(0.05)
