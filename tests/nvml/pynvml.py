"""Stands in front of the real pynvml (put this folder on PYTHONPATH): fake cards with a fault.

NVML_CASE = refuses_memory   one card that answers everything but its memory (unified-memory machines do)
            card_lost        two cards, card 1 has fallen off the bus
            lost_later       two cards; card 1 is gone as soon as the file named by $CARD_LOST is there
"""

import importlib.util
import os
import sys
from pathlib import Path

_here = Path(__file__).parent.resolve()
_path = next(p for p in (Path(s or ".") / "pynvml.py" for s in sys.path) if p.is_file() and p.parent.resolve() != _here)
_spec = importlib.util.spec_from_file_location("pynvml", _path)
_real = importlib.util.module_from_spec(_spec)
sys.modules["pynvml"] = _real
_spec.loader.exec_module(_real)

case = os.environ.get("NVML_CASE", "card_lost")
cards = 1 if case == "refuses_memory" else 2


class _Memory:
    total, used, free = 80 * 2**30, 10 * 2**30, 70 * 2**30


class _Use:
    gpu, memory = 50, 20


def _gone(i):
    lost = case == "card_lost" or (case == "lost_later" and Path(os.environ.get("CARD_LOST", "/nonexistent")).exists())
    return i == 1 and lost


def _refuse(code):
    raise _real.NVMLError(code)


def _handle(i):
    return _refuse(_real.NVML_ERROR_GPU_IS_LOST) if _gone(i) else i


def _memory(h):
    return _refuse(_real.NVML_ERROR_NOT_SUPPORTED) if case == "refuses_memory" else _Memory


for _name, _value in {
    "nvmlInit": lambda: None,
    "nvmlShutdown": lambda: None,
    "nvmlDeviceGetCount": lambda: cards,
    "nvmlDeviceGetHandleByIndex": _handle,
    "nvmlDeviceGetHandleByUUID": lambda u: int(str(u)[11:12] or 0),
    "nvmlDeviceGetMigMode": lambda h: _refuse(_real.NVML_ERROR_NOT_SUPPORTED),
    "nvmlDeviceGetMemoryInfo": _memory,
    "nvmlDeviceGetUtilizationRates": lambda h: _Use,
    "nvmlDeviceGetComputeRunningProcesses": lambda h: [],
    "nvmlDeviceGetUUID": lambda h: f"GPU-0000000{h}-aaaa-bbbb-cccc-dddddddddddd",
    "nvmlDeviceGetName": lambda h: "NVIDIA Test",
    "nvmlDeviceGetIndex": lambda h: h,
    "nvmlDeviceGetPowerUsage": lambda h: 100_000,
    "nvmlDeviceGetEnforcedPowerLimit": lambda h: 300_000,
    "nvmlDeviceGetTemperature": lambda h, sensor: 40,
}.items():
    setattr(_real, _name, _value)
