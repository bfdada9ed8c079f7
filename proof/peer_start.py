"""Starts so many engines of ipyparallel's and prints time until all have answered, memory and processes as one JSON object."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

count = int(sys.argv[1])
os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipcluster-peer-")
import ipyparallel as ipp  # noqa: E402  (it reads IPYTHONDIR)

PROFILE = "ipcluster_proof"


def session_pids(leader):
    pids = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline").read()
            environment = open(f"/proc/{pid}/environ").read()
        except OSError:
            continue
        if os.environ["IPYTHONDIR"] in environment and "peer_start" not in command:
            pids.append(int(pid))
    return pids


begin = time.time()
cluster = subprocess.Popen(
    ["/usr/bin/ipcluster", "start", "-n", str(count), f"--profile={PROFILE}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
)
connection = os.path.join(os.environ["IPYTHONDIR"], f"profile_{PROFILE}", "security", "ipcontroller-client.json")
while not os.path.exists(connection):
    time.sleep(0.01)
client = ipp.Client(connection, timeout=60)
while len(client) < count:
    time.sleep(0.01)
client[:].apply_sync(os.getpid)
result = {"seconds": time.time() - begin, "rss": 0, "pss": 0}
time.sleep(2)
pids = session_pids(cluster.pid)
for pid in pids:
    for line in open(f"/proc/{pid}/smaps_rollup"):
        key = line.split(":")[0].lower()
        if key in ("rss", "pss"):
            result[key] += int(line.split()[1]) * 1024
result["processes"] = len(pids)
print(json.dumps(result))
client.close()
cluster.send_signal(signal.SIGINT)
time.sleep(3)
for pid in session_pids(cluster.pid):
    os.kill(pid, signal.SIGKILL)
shutil.rmtree(os.environ["IPYTHONDIR"], ignore_errors=True)
