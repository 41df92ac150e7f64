"""Memory of common GPUs by name. Source: the manufacturers' data sheets."""

import difflib

GPU_MEMORY_GB = {
    "t4": 16,
    "v100": 32,
    "rtx2080ti": 11,
    "rtx3060": 12,
    "rtx3080": 10,
    "rtx3090": 24,
    "rtx4070": 12,
    "rtx4080": 16,
    "rtx4090": 24,
    "rtx5090": 32,
    "rtxa4000": 16,
    "rtxa5000": 24,
    "rtxa6000": 48,
    "rtx6000ada": 48,
    "l4": 24,
    "l40s": 48,
    "a10": 24,
    "a40": 48,
    "a100": 80,
    "h100": 80,
    "h200": 141,
}
"""GB (1e9 bytes). Where a GPU is sold with different sizes, the most common one."""


def gpu_memory(name: str) -> int:
    """Return the memory of a GPU in GB; case, spaces and dashes in the name are ignored.

    Raises:
        ValueError: The GPU is not known.
    """
    key = "".join(c for c in name.lower() if c.isalnum())
    if key in GPU_MEMORY_GB:
        return GPU_MEMORY_GB[key]
    near = difflib.get_close_matches(key, GPU_MEMORY_GB, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(
        f"found {name!r}, expected one of {', '.join(GPU_MEMORY_GB)}, or the GPU's memory in GB"
        f"{hint}"
    )
