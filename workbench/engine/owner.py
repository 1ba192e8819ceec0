"""Owners of runs in progress: a cluster elsewhere, or a process of this or another machine."""

from __future__ import annotations

import os
import socket

import psutil


def this_process() -> str:
    """Return a name for this process that no other one will ever have."""
    return f"local:{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def owner_gone(owner: str) -> bool:
    """Return True when the owner was a process on this machine and is no more."""
    if not owner.startswith("local:"):
        return False
    _, host, pid, created = owner.split(":")
    if host != socket.gethostname():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(created)) > 2
    except psutil.NoSuchProcess:
        return True


def place_of(owner: str) -> str:
    """Return where an owner runs: the machine of a process, or the address of a cluster."""
    return owner.split(":")[1] if owner.startswith("local:") else owner
