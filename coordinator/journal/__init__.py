"""The journal as arithmetic over bytes: Merkle tree, signed notes, tiles, verification; usable without the service."""
