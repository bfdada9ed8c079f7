"""A plugin for pytest: IPython's own tests start our controller in place of IPython's.

Loaded with `-p ours` before anything of ipyparallel's tests. IPCLUSTER_CONTROLLER is the command, as a JSON list.
"""
import json
import os

from ipyparallel.cluster import launcher

command = json.loads(os.environ["IPCLUSTER_CONTROLLER"])
launcher.ipcontroller_cmd_argv[:] = command
launcher.ControllerLauncher.controller_cmd.default_args = (command,)
