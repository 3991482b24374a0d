"""Analysts in processes of their own, who take and decide until the queue is empty.

    python queue_workers.py URL NAME [TOLD]

With a file TOLD, each parcel that was answered to be decided is written there, so that whoever
kills the process knows what must not be lost.
"""

import sys
from pathlib import Path

from parcelscope.review import queue
from parcelscope.review.database import connect
from parcelscope.review.errors import LostLease
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Person


def main() -> None:
    url, name, *told = sys.argv[1:]
    engine = connect(url)
    person = Person(name=name, role="analyst")
    print("ready", flush=True)
    sys.stdin.readline()
    while held := queue.take(engine, person):
        for one in held:
            try:
                queue.decide(engine, person, one.item_id, Decision(decision="inspect"))
            except LostLease:
                continue
            if told:
                with Path(told[0]).open("a", encoding="utf-8") as file:
                    file.write(f"{one.item_id}\n")
    engine.dispose()


if __name__ == "__main__":
    main()
