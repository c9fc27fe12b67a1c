"""The stores: everything that touches a database or a disk."""
