"""One session of unmodified ipyparallel with four engines, whoever's controller it is; prints one JSON object.

Arguments: the profile's folder, when its start began (seconds since the epoch), and a word by which the controller's processes are known.
"""
import json
import os
import statistics
import sys
import time

import ipyparallel as ipp
import numpy as np

folder, began, word = sys.argv[1], float(sys.argv[2]), sys.argv[3]
file = os.path.join(folder, "security", "ipcontroller-client.json")
while not os.path.exists(file):
    time.sleep(0.01)
client = ipp.Client(file)
while len(client) < 4:
    time.sleep(0.005)
result = {"start": time.time() - began}


def memory(name):
    total = {"rss": 0, "pss": 0}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline").read()
            mine = f"IPCLUSTER_BENCH={os.environ['IPCLUSTER_BENCH']}" in open(f"/proc/{pid}/environ").read()
            if name not in command or "python_session.py" in command or not mine:
                continue
            for line in open(f"/proc/{pid}/smaps_rollup"):
                key = line.split(":")[0].lower()
                if key in total:
                    total[key] += int(line.split()[1]) / 1024
        except OSError:
            continue
    return total


time.sleep(2)
result["memory"] = memory(word)
result["gateway"] = memory("programs/ipgateway.js")


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


balanced = client.load_balanced_view()


def tasks(count):
    for answer in [balanced.apply_async(abs, 1) for _ in range(count)]:
        answer.get()


tasks(300)
result["tasks"] = statistics.median(1000 / seconds(lambda: tasks(1000)) for _ in range(3))

everybody = client[:]
block = np.zeros(16 << 20, dtype=np.uint8)
for _ in range(2):
    everybody.push({"block": block}, block=True)
result["push"] = statistics.median(seconds(lambda: everybody.push({"block": block}, block=True)) for _ in range(7))
result["after"] = memory(word)
print(json.dumps(result))
client.close()
