"""The ledger in SQL: gapless revisions in commit order, leaves with their hashes, erasable attachments apart.

Keeps laws 1 and 2: rows are only ever inserted, and the head is moved in the transaction that inserts them. Reading
checks that revisions follow one another and that each leaf has its hash.
"""

from __future__ import annotations
