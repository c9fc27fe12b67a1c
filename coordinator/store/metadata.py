"""What all tables share: where they are listed, and the number that rows are counted by."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

Number = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit number; on SQLite `INTEGER`, so that a primary key is the row's own number."""
