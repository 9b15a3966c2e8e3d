"""Images that the kubelet cannot get, and what to look at by what it says."""

import re

from dualstack.knowledge import table
from dualstack.model.cluster import Pod
from dualstack.model.slim import ContainerState, Waiting
from dualstack.reach.images import plain
from dualstack.reach.sidecars import together
from dualstack.reach.states import status_of


def pulled(pod: Pod, name: str) -> str:
    """What to do about the image of a container that waits for it; empty where it waits for something else."""
    waiting = (status_of(name, pod).state or ContainerState()).waiting or Waiting()
    every = (*together(pod), *(pod.spec.init_containers or ()))
    image = next((x.image for x in every if x.name == name), "")
    for row in table("pull_errors") if image else ():
        if re.fullmatch(row["reason"], waiting.reason or "") and re.search(row["said"], waiting.message or ""):
            slip = f"; tags of the Collector have no `v`: `{plain(image)}`" if plain(image) else ""
            return f"{row['mend'].format(image=image)}{slip}."
    return ""
