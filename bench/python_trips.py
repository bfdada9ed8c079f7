"""Round trips of unmodified ipyparallel by several controllers, in turns of one process: whatever slows the machine meets all of them.

Arguments: how many turns, and NAME=FILE for each, with the client's connection file. Without turns it only waits for the engines.
Prints one JSON object: medians in milliseconds.
"""
import json
import os
import statistics
import sys
import time

import ipyparallel as ipp

turns, trips = int(sys.argv[1]), 200


def connect(file):
    while not os.path.exists(file):
        time.sleep(0.05)
    client = ipp.Client(file)
    while len(client) < 4:
        time.sleep(0.05)
    return client[client.ids[0]]


def trip(view):
    begin = time.perf_counter()
    view.apply_sync(abs, 1)
    return time.perf_counter() - begin


views = {name: connect(file) for name, file in (argument.split("=", 1) for argument in sys.argv[2:])}
times = {name: [] for name in views}
for view in views.values() if turns else ():
    for _ in range(400):
        trip(view)
for _ in range(turns):
    for name, view in views.items():
        for _ in range(20):
            trip(view)
        times[name] += [trip(view) for _ in range(trips)]
print(json.dumps({name: statistics.median(list) * 1000 for name, list in times.items() if list}))
