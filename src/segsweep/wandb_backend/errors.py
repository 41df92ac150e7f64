"""What the wandb client and its command line report, as short messages without a key."""

import re

from segsweep.core.errors import UserError


def format_error(error: BaseException) -> str:
    """Return the first line of what the wandb client reports."""
    return " ".join((str(error) or type(error).__name__).splitlines()[0].split())


def missing_key_error(error: BaseException) -> UserError:
    """Return the `UserError` for a missing or malformed API key."""
    return UserError(
        f"W&B: found no usable API key ({format_error(error)}), expected one in WANDB_API_KEY or "
        "from `wandb login`; `wandb.mode: offline` in the study needs none"
    )


def last_error(output: str) -> str:
    """Return the last error that the `wandb` command printed; "" if there is none."""
    errors = [line for line in output.splitlines() if "ERROR" in line or "Error:" in line]
    return re.split("ERROR|Error:", errors[-1], maxsplit=1)[1].strip() if errors else ""
