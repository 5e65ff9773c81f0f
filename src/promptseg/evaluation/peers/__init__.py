"""Trivial peers: segmentation without a trained network, by the same protocol, so that they stand in every table."""

from promptseg.evaluation.peers.sizes import median_disc_share
from promptseg.evaluation.peers.table import PEERS, PeerEntry, build_peer

__all__ = ["PEERS", "PeerEntry", "build_peer", "median_disc_share"]
