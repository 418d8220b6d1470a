"""AgentBench OS: the gold of every official task solves it, and a bare finish none; each exception with its reason."""

import pytest

from agentbank.envs import make, missing, specs
from agentbank.trajectories.errors import Fault

CANNOT = {
    "os/test/6-new-00003": "sets the SUID bit of /usr/bin/find",
    "os/test/6-new-00005": "apt",
    "os/test/6-new-00006": "apt",
    "os/test/6-new-00008": "apt",
}
"""The set-up needs a writable /usr/bin or the network."""
UNSOLVED = {
    "os/test/4-N37-00000": "find over /proc ends with an error",
    "os/test/4-Q47-00000": "the example solves only half: the answer belongs to it",
    "os/test/6-new-00002": "runuser needs the machine's PAM",
    "os/test/7-bootstrap-00000": "counts processes, which the check has ended",
    "os/test/7-bootstrap-00001": "counts processes",
    "os/test/7-bootstrap-00007": "counts the files of the whole machine, /proc among them",
    "os/test/7-bootstrap-00020": "counts the files of the whole machine",
    "os/test/7-bootstrap-00048": "sums sizes in /var/log, where nothing is",
    "os/test/7-bootstrap-00055": "counts processes",
}


@pytest.mark.slow
@pytest.mark.parametrize("split", ["test", "dev"])
def test_gold_solves_and_finish_does_not(shared, split):
    lacks = missing(specs()["os"])
    if lacks:
        pytest.skip("; ".join(lacks))
    env = make("os", data=str(shared / "agentbench_os"), split=split, sandbox="bubblewrap")
    solved = 0
    try:
        for task in env.tasks():
            if task.id in CANNOT:
                with pytest.raises(Fault, match="set-up cannot be done"):
                    env.reset(seed=0, options={"task": task.id})
                continue
            env.reset(seed=0, options={"task": task.id})
            info = {"score": 0.0}
            for action in env.expert(task):
                info = env.step(action)[4]
            assert info["score"] == 1.0 or task.id in UNSOLVED, task.id
            solved += info["score"] == 1.0
            env.reset(seed=0, options={"task": task.id})
            assert env.step("finish")[4]["score"] == 0.0, task.id
    finally:
        env.close()
    assert all("is not in this folder" in reason for reason in env.left_out.values())
    assert (len(env.tasks()), len(env.left_out)) == {"test": (106, 13), "dev": (23, 3)}[split]
    assert solved >= {"test": 93, "dev": 23}[split]
