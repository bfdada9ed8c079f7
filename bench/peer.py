"""One session of ipyparallel's cluster of four, measured the way bench/session.js measures ours; prints one JSON object."""
import json
import os
import signal
import statistics
import subprocess
import sys
import time

import ipyparallel as ipp

PROFILE = "ipcluster_bench"


def processes(word):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline").read().split("\0")
        except OSError:
            continue
        if word in command and any(PROFILE in part for part in command) or (word == "ipyparallel.engine.nanny" and word in command):
            found.append(int(pid))
    return found


def memory(pids):
    total = {"rss": 0, "pss": 0}
    for pid in pids:
        for line in open(f"/proc/{pid}/smaps_rollup"):
            key = line.split(":")[0].lower()
            if key in total:
                total[key] += int(line.split()[1]) / 1024
    return total


def memories():
    engines, nannies = processes("ipyparallel.engine"), processes("ipyparallel.engine.nanny")
    one = {key: memory(engines)[key] / 4 + memory(nannies)[key] / 4 for key in ("rss", "pss")}
    return {"controller": memory(processes("ipyparallel.controller")), "engine": one}


def noop():
    pass


def main():
    begin = time.time()
    cluster = subprocess.Popen(
        ["/usr/bin/ipcluster", "start", "-n", "4", f"--profile={PROFILE}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    connection = os.path.join(os.environ["IPYTHONDIR"], f"profile_{PROFILE}", "security", "ipcontroller-client.json")
    while not os.path.exists(connection):
        time.sleep(0.01)
    client = ipp.Client(connection, timeout=30)
    while len(client) < 4:
        time.sleep(0.01)
    client[:].apply_sync(os.getpid)
    result = {"start": time.time() - begin}
    time.sleep(2)
    result["idle"] = memories()

    one, times = client[0], []
    for _ in range(2500):
        begin = time.perf_counter()
        one.apply_sync(noop)
        times.append(time.perf_counter() - begin)
    result["direct"] = statistics.median(times[500:]) * 1e3

    balanced, rates = client.load_balanced_view(), []
    for count in (500, 1500, 1500):
        begin = time.perf_counter()
        client.wait([balanced.apply_async(noop) for _ in range(count)])
        rates.append(count / (time.perf_counter() - begin))
    result["tasks"] = statistics.median(rates[1:])

    import numpy

    array, every, times = numpy.ones(2 * 1024 * 1024), client[:], []
    for _ in range(40):
        begin = time.perf_counter()
        every.push({"array": array}, block=True)
        times.append(time.perf_counter() - begin)
    result["push"] = 64 / statistics.median(times[10:])
    result["loaded"] = memories()
    cluster.send_signal(signal.SIGINT)
    cluster.wait()
    json.dump(result, sys.stdout)


main()
