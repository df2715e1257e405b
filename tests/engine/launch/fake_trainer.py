"""Stands in for `python -m engine RUN_DIR`: does what the first word in RUN_DIR/fake.txt says, in milliseconds.

work      writes a step now and then; ends as finished when RUN_DIR/go appears, as stopped on SIGTERM
deaf      the same, but does not hear SIGTERM
finish    one epoch and done
raise     an exception that nobody catches       diverge   what the real trainer says of a loss that is not finite
fill      writes until the disk is full          refuse    bad input
leave     finishes, but leaves a child behind    oom       what PyTorch's CPU allocator raises
shout     prints 51 MB; once its log was emptied, an exception that nobody catches
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Failed, Finished, RunStarted, Step, Stopped

told_to_stop = False


def stop(number: int, frame: FrameType | None) -> None:
    global told_to_stop
    told_to_stop = True


def work(run: Path, events: EventWriter) -> None:
    step = 0
    while not (run / "go").exists():
        if told_to_stop:
            events.write(Stopped(epoch=2, step=step))
            return
        step += 1
        events.write(Step(epoch=1, step=step, loss=1.0, lr=0.1, images_per_second=1.0))
        time.sleep(0.02)
    events.write(Finished(epochs=1))


def main(run: Path) -> int:
    act = (run / "fake.txt").read_text().strip()
    (run / "seen.txt").write_text("\n".join(f"{key}={value}" for key, value in os.environ.items()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN if act == "deaf" else stop)
    if act == "refuse":
        print("error: no such data set", file=sys.stderr)
        return 2
    events = EventWriter(run / "events.jsonl")
    events.write(RunStarted(epochs=1))
    if act in ("work", "deaf"):
        work(run, events)
    elif act == "finish":
        events.write(Finished(epochs=1))
    elif act == "leave":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(run)])
        (run / "child.txt").write_text(str(child.pid))
        events.write(Finished(epochs=1))
    elif act == "diverge":
        events.write(Failed(reason="diverged", message="loss is nan in epoch 1, step 7", detail="lr 0.1"))
        return 1
    elif act == "fill":
        with (run / "ballast").open("wb", buffering=0) as file:
            while file.write(bytes(65536)) == 65536:
                pass
            file.write(bytes(65536))
    elif act == "shout":
        for number in range(510_000):
            print(f"{number:99d}")
        sys.stdout.flush()
        while not (run / "log.1.txt").exists():
            time.sleep(0.02)
        raise ValueError("the shapes do not match")
    elif act == "oom":
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: can't allocate memory")
    elif act == "raise":
        raise ValueError("the shapes do not match")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
