"""A device program that commits and pushes until it is killed, and prints each receipt once it has it.

usage: committing_process.py CONFIG_JSON RUN
"""

from __future__ import annotations

import json
import random
import sys

from nikdev_iot import Api, PushException


def main() -> None:
    """Commit for ever; push now and then."""
    config, run = json.loads(sys.argv[1]), sys.argv[2]
    chance = random.Random(run)
    number = 0
    with Api(config) as api:
        while True:
            number += 1
            values = {
                "token": f"{run}-{number}",
                "float": chance.uniform(-1e6, 1e6),
                "int": chance.randrange(-(2**63), 2**63),
                "bool": chance.random() < 0.5,
                "either": 21 if chance.random() < 0.5 else 21.0,
            }
            for field_id, value in values.items():
                api.add_value(field_id, value)
            receipt = api.commit()
            line = {
                "number": receipt.number,
                "origin": str(receipt.origin),
                "time_us": receipt.time_us,
                "values": values,
            }
            print(json.dumps(line), flush=True)
            if chance.random() < 0.3:
                try:
                    api.push()
                except PushException as error:
                    print(f"# {error}", flush=True)


if __name__ == "__main__":
    main()
